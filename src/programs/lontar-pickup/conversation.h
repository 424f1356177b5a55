/*
 * What is said over one connection to the provider: a listing, the removal of what is
 * known already, and the rest fetched, the smallest first; each message is durable here,
 * and known to be, before it is removed there. It is fed bytes and writes commands; the
 * connection moves both. A long run is cut into connections, since what was removed is
 * gone only with QUIT.
 */
#ifndef LONTAR_PICKUP_CONVERSATION_H
#define LONTAR_PICKUP_CONVERSATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "programs/lontar-pickup/fetch_events.h"
#include "programs/lontar-pickup/remote_mailbox.h"

struct conversation;

struct conversation_server {
	struct span offer; /* what it said of itself; borrowed for the call */
	const char
		*address; /* as text; borrowed until conversation_close, as are the ... */
	bool has_tls;
	const struct fetch_events *events; /* ... events and their ctx */
	void *ctx;
};

/* mailbox is borrowed. */
struct conversation *conversation_open(const struct remote_mailbox *mailbox,
				       const struct conversation_server *server);
void conversation_close(struct conversation *conversation); /* NULL does nothing */

/* Writes the commands that may be sent now into conversation_outgoing. */
void conversation_ask(struct conversation *conversation);
/* What is to be sent; consume what was. */
struct buf *conversation_outgoing(struct conversation *conversation);
/* Takes what the server sent. False: it is over, and err says why. */
bool conversation_receive(struct conversation *conversation, struct span bytes,
			  struct err *err) MUST_USE;

/* QUIT was sent. */
bool conversation_is_ending(const struct conversation *conversation);
/* QUIT was answered. */
bool conversation_is_over(const struct conversation *conversation);
/* It was ended before all was fetched, so that what was removed is gone. */
bool conversation_has_more(const struct conversation *conversation);

/* What is left at the provider, by the listing. */
struct fetch_left {
	bool is_known;         /* there was a listing; else all is 0 */
	uint64_t messages;     /* to be fetched */
	uint64_t bytes;        /* theirs */
	uint64_t kept;         /* messages that had no room in what the link may carry */
	uint64_t kept_bytes;   /* theirs */
	uint64_t held;         /* messages that are too large to be fetched unasked */
	uint64_t partly_bytes; /* here of the one that is coming in */
};
/* NULL: nothing is known. */
struct fetch_left conversation_left(const struct conversation *conversation);

#endif
