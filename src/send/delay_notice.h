/*
 * Telling senders that their mail waits: each once, after `delaynotice` of link-up time,
 * and what for, in the words of `lontar queue`. D= in the file's name remembers it.
 *
 * Only senders whose domain is local or virtual here are told: a notice never goes over
 * the link that is the reason for it.
 */
#ifndef SEND_DELAY_NOTICE_H
#define SEND_DELAY_NOTICE_H

#include "send/outbound.h"

/* With the lock held. A sender who cannot be told now is told at the next time. */
void delay_notice_send_all(struct outbound *outbound);

/* lontar-flush --notices: that and nothing else; if a flush is at work, nothing. Returns
 * the exit code. */
int delay_notice_run(const char *smarthost);

#endif
