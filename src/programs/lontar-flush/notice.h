/*
 * Telling senders that their mail waits: each once, after `delaynotice` of link-up time,
 * and what for, in the words of `lontar queue`. D= in the file's name remembers it.
 *
 * Only senders whose domain is local or virtual here hear of it: a notice never goes over
 * the link that is the reason for it. The postmaster hears of stops (stops_tell.h).
 */
#ifndef LONTAR_FLUSH_NOTICE_H
#define LONTAR_FLUSH_NOTICE_H

struct flush;

/* With the lock held. What cannot be told now is told at the next time. */
void notice_send_all(struct flush *flush);

/* lontar-flush --notices: that and nothing else; where a flush is at work, nothing.
 * The exit code. */
int notice_run(struct flush *flush, const char *smarthost);

#endif
