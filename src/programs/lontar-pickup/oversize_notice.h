/*
 * The recipient of a message that is too large to be fetched unasked is told what it is,
 * and how to have it: by a reply to the notice (deliver/asking.h), or by its id. Only its
 * header was fetched.
 */
#ifndef LONTAR_PICKUP_OVERSIZE_NOTICE_H
#define LONTAR_PICKUP_OVERSIZE_NOTICE_H

#include "programs/lontar-pickup/remote_mailbox.h"

struct oversize_notice {
	const char *key;    /* of the message there; never "-" */
	uint64_t octets;    /* as the server says */
	struct span header; /* empty: the server gives none */
};

/* True: the record that a reply needs and the notice are durable. */
bool oversize_notice_send(const struct remote_mailbox *mailbox,
			  const struct oversize_notice *notice, struct err *err) MUST_USE;

#endif
