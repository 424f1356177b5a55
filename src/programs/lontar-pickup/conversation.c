#include "programs/lontar-pickup/conversation_private.h"

#include <stdlib.h>

struct conversation *conversation_open(const struct remote_mailbox *mailbox,
				       const struct conversation_server *server)
{
	struct conversation *conversation = must_alloc(sizeof(*conversation));

	*conversation = (struct conversation){ .mailbox = mailbox,
					       .events = server->events,
					       .ctx = server->ctx,
					       .address = server->address,
					       .has_tls = server->has_tls };
	message_init(&conversation->message);
	conversation_open_provider(conversation, server->offer);
	return conversation;
}

void conversation_close(struct conversation *conversation)
{
	if (!conversation)
		return;
	provider_close(&conversation->provider);
	message_clear(&conversation->message);
	buf_clear(&conversation->message.text);
	plan_clear(&conversation->plan);
	free(conversation->safe);
	free(conversation->removable);
	free(conversation);
}

struct buf *conversation_outgoing(struct conversation *conversation)
{
	return provider_outgoing(&conversation->provider);
}

bool conversation_is_ending(const struct conversation *conversation)
{
	return conversation->has_quit;
}

bool conversation_is_over(const struct conversation *conversation)
{
	return conversation->quit_done;
}

bool conversation_has_more(const struct conversation *conversation)
{
	return conversation->renew;
}

struct fetch_left conversation_left(const struct conversation *conversation)
{
	if (!conversation || !conversation->is_listed)
		return (struct fetch_left){ .is_known = false };
	return (struct fetch_left){ .is_known = true,
				    .messages = conversation->plan.fetch_left,
				    .bytes = conversation->plan.fetch_bytes,
				    .kept = conversation->kept,
				    .kept_bytes = conversation->kept_bytes,
				    .held = conversation->plan.held,
				    .partly_bytes = conversation->message.bytes };
}

/* What is durable is known to be, durably, before it may go. */
static bool make_removable(struct conversation *conversation, struct err *err)
{
	const struct remote_mailbox *mailbox = conversation->mailbox;

	if (!conversation->safe_count)
		return true;
	if (!seen_sync(mailbox->seen, err))
		return false;
	for (size_t i = 0; i < conversation->safe_count; i++) {
		plan_forget_large(&conversation->plan, mailbox, conversation->safe[i]);
		if (mailbox->pickup.keep == PICKUP_KEEP_NO ||
		    (mailbox->pickup.keep == PICKUP_KEEP_DAYS &&
		     !mailbox->pickup.keep_days))
			conversation->removable[conversation->removable_count++] =
				conversation->safe[i];
	}
	conversation->safe_count = 0;
	return true;
}

bool conversation_receive(struct conversation *conversation, struct span bytes,
			  struct err *err)
{
	bool fine = provider_receive(&conversation->provider, bytes, err);
	struct err sync_err;

	if (!make_removable(conversation, &sync_err))
		conversation_fail(conversation, &sync_err);
	if (conversation->failure.kind != ERR_NONE) {
		*err = conversation->failure;
		return false;
	}
	return fine || err_context(err, "%s", conversation->mailbox->pickup.host);
}
