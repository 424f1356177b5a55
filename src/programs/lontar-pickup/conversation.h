/* What provider_connection.c (the connection's life), conversation.c (what is heard over
 * it) and conversation_ask.c (what is asked next) share. Nobody else includes this. */
#ifndef LONTAR_PICKUP_CONVERSATION_H
#define LONTAR_PICKUP_CONVERSATION_H

#include "net/dial.h"
#include "programs/lontar-pickup/message.h"
#include "programs/lontar-pickup/plan.h"
#include "programs/lontar-pickup/provider.h"
#include "programs/lontar-pickup/provider_connection.h"

struct provider_connection {
	struct work *work;
	struct dial *dial;
	struct provider provider;
	ev_io io;
	ev_timer silence;
	struct plan plan;
	struct message message; /* the one that is coming in */
	size_t *safe;           /* durable here, its line not synced yet */
	size_t safe_count;
	size_t *removable; /* to be removed there, in this order */
	size_t removable_count;
	size_t removable_next;
	uint64_t begun_octets; /* asked for, and not all here yet */
	int64_t began_ms;
	uint64_t fetched; /* in this session */
	uint64_t fetched_bytes;
	bool is_listed;
	bool has_quit; /* was said */
	bool quit_done;
	bool renew;         /* there is more: another session follows */
	struct err failure; /* ours, found in a call-back */
};

/* offer: what the server said of itself. */
void conversation_begin(struct provider_connection *connection, struct span offer);
/* Says whatever may be said now. */
void conversation_ask(struct provider_connection *connection);
/* False: it is over, and err says why. */
bool conversation_hear(struct provider_connection *connection, struct span bytes,
		       struct err *err) MUST_USE;
void conversation_end(struct provider_connection *connection);

#endif
