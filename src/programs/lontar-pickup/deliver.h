/*
 * Who gets a fetched message, and that it is durable there before the server may forget
 * it. Nothing fetched is ever bounced or thrown away: what nobody here is named for goes
 * to the holding mailbox, and what came round in a circle twice stays at the server.
 */
#ifndef LONTAR_PICKUP_DELIVER_H
#define LONTAR_PICKUP_DELIVER_H

#include "programs/lontar-pickup/message.h"
#include "programs/lontar-pickup/remote_mailbox.h"

enum delivered {
	DELIVERED,
	DELIVERED_BEFORE, /* the same contents to the same recipient */
	DELIVER_LOOP,     /* it is to stay where it is */
	DELIVER_FAILED,   /* err; it is tried again another time */
};

struct deliver_from {
	const char *protocol;
	const char *address; /* the server's, as text */
};

/* entry: what is to be known of it; its digest is filled in here. DELIVERED: and it is
 * (not synced). */
enum delivered deliver(const struct remote_mailbox *mailbox,
		       const struct deliver_from *from, const struct message *message,
		       struct seen_entry *entry, struct err *err) MUST_USE;

/* Who is to get it; false: no one recipient is named. */
bool deliver_find_recipient(const struct remote_mailbox *mailbox, struct span header,
			    char recipient_out[ADDRESS_MAX]) MUST_USE;

#endif
