/* What conversation.c (its life), conversation_answer.c (what the provider's answers
 * mean) and conversation_ask.c (what is asked next) share. Nobody else includes this. */
#ifndef LONTAR_PICKUP_CONVERSATION_PRIVATE_H
#define LONTAR_PICKUP_CONVERSATION_PRIVATE_H

#include "programs/lontar-pickup/conversation.h"
#include "programs/lontar-pickup/message.h"
#include "programs/lontar-pickup/plan.h"
#include "programs/lontar-pickup/provider.h"

struct conversation {
	const struct remote_mailbox *mailbox;
	const struct fetch_events *events;
	void *ctx;
	const char *address; /* the server's */
	bool has_tls;
	struct provider provider;
	struct plan plan;
	struct message message; /* the one that is coming in */
	size_t *safe;           /* durable here, its line not synced yet */
	size_t safe_count;
	size_t *removable; /* to be removed there, in this order */
	size_t removable_count;
	size_t removable_next;
	uint64_t begun_octets; /* asked for, and not all here yet */
	uint64_t fetched;      /* messages, over this connection */
	uint64_t fetched_bytes;
	uint64_t kept;
	uint64_t kept_bytes;
	bool is_listed;
	bool has_quit; /* was sent */
	bool quit_done;
	bool renew;         /* there is more: another connection follows */
	struct err failure; /* ours, found in a call-back */
};

/* Opens conversation->provider with hooks that act on its answers. */
void conversation_open_provider(struct conversation *conversation, struct span offer);
/* Something failed here, not at the provider. The first failure ends the conversation. */
void conversation_fail(struct conversation *conversation, const struct err *err);

#endif
