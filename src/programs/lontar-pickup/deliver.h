/*
 * Gives a fetched message to its recipient, durably, before the server may forget it.
 * Nothing that is fetched is ever bounced or thrown away: a message that names no
 * recipient of ours goes to the holding mailbox, and one that came round in a circle
 * twice stays at the server.
 */
#ifndef LONTAR_PICKUP_DELIVER_H
#define LONTAR_PICKUP_DELIVER_H

#include "programs/lontar-pickup/message.h"
#include "programs/lontar-pickup/remote_mailbox.h"

enum delivered {
	DELIVERED,
	DELIVERED_BEFORE, /* the same contents went to the same recipient earlier */
	DELIVER_LOOP,     /* it has to stay at the server */
	DELIVER_FAILED,   /* err says why; another pickup tries again */
};

struct deliver_from {
	const char *protocol;
	const char *address; /* the server's, as text */
};

/* entry: the line for `seen`, whose digest is filled in here. After DELIVERED it has been
 * appended, but not synced. */
enum delivered deliver(const struct remote_mailbox *mailbox,
		       const struct deliver_from *from, const struct message *message,
		       struct seen_entry *entry, struct err *err) MUST_USE;

/* The one recipient that the header names. False: it names none, or several. */
bool deliver_find_recipient(const struct remote_mailbox *mailbox, struct span header,
			    char recipient_out[ADDRESS_MAX]) MUST_USE;

#endif
