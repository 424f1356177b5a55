#include "programs/lontar-pickup/conversation_private.h"

/* When a connection has done enough for a QUIT, which costs a login and a listing anew:
 * that should be little beside what was fetched. If messages have no uids, a cut costs
 * all that was fetched since the last QUIT, so it is sent sooner. */
#define RENEW_MESSAGES 20
#define RENEW_BYTES    ((uint64_t)4 * 1024 * 1024)
#define RENEW_LISTINGS 32

static bool has_done_enough(const struct conversation *conversation)
{
	uint64_t bytes =
		conversation->plan.has_keyless
			? RENEW_BYTES / 16
			: RENEW_BYTES + RENEW_LISTINGS * provider_listing_bytes(
								 &conversation->provider);

	return conversation->provider.kind->removes_at_quit &&
	       conversation->mailbox->pickup.keep != PICKUP_KEEP_ALWAYS &&
	       conversation->fetched >= RENEW_MESSAGES &&
	       conversation->fetched_bytes >= bytes && conversation->plan.fetch_left > 0;
}

static enum task task_of(const struct conversation *conversation, size_t turn)
{
	return conversation->plan.items[conversation->plan.order[turn]].task;
}

/* It is not begun, because it would not end before the link's end. */
static void keep_there(struct conversation *conversation, size_t message)
{
	struct plan *plan = &conversation->plan;

	conversation->kept++;
	conversation->kept_bytes +=
		provider_octets_left(&conversation->provider, message);
	plan->items[message].task = TASK_NONE;
	plan->fetch_left--;
	plan->fetch_bytes -= provider_octets(&conversation->provider, message);
}

static bool is_affordable(struct conversation *conversation, size_t message)
{
	uint64_t octets = provider_octets_left(&conversation->provider, message);
	uint64_t here = conversation->message.bytes, begun = conversation->begun_octets;

	if (!conversation->events->has_room(conversation->ctx, octets,
					    begun > here ? begun - here : 0))
		return false;
	conversation->plan.items[message].begun_octets = octets;
	conversation->begun_octets += octets;
	return true;
}

/* The plan's next; false: there is none, or it is not known yet. */
static bool next_of_plan(struct conversation *conversation, enum provider_ask *ask_out,
			 size_t *message_out)
{
	static const enum provider_ask asks[] = {
		[TASK_NONE] = PROVIDER_QUIT,        [TASK_IDENTIFY] = PROVIDER_HEADER,
		[TASK_FETCH] = PROVIDER_FETCH,      [TASK_NOTICE] = PROVIDER_HEADER,
		[TASK_DELETE] = PROVIDER_DELETE,    [TASK_PROBE] = PROVIDER_HEADER,
		[TASK_COMPARE] = PROVIDER_IDENTITY,
	};
	struct plan *plan = &conversation->plan;
	enum task task;

	while (plan->next < plan->order_count &&
	       task_of(conversation, plan->next) == TASK_FETCH && !plan->identify_left &&
	       !is_affordable(conversation, plan->order[plan->next]))
		keep_there(conversation, plan->order[plan->next++]);
	if (plan->next == plan->order_count)
		return false;
	task = task_of(conversation, plan->next);
	/* A smaller one may be among those that are not known yet. */
	if (task == TASK_FETCH && plan->identify_left)
		return false;
	*message_out = plan->order[plan->next++];
	*ask_out = asks[task];
	if (task == TASK_DELETE)
		plan->items[*message_out].task = TASK_NONE;
	return true;
}

/* The next thing to be done; false: nothing may be asked now. */
static bool next_ask(struct conversation *conversation, enum provider_ask *ask_out,
		     size_t *message_out)
{
	if (conversation->removable_next < conversation->removable_count) {
		*ask_out = PROVIDER_DELETE;
		*message_out = conversation->removable[conversation->removable_next++];
		return true;
	}
	conversation->renew = conversation->renew || has_done_enough(conversation);
	if (!conversation->renew) {
		if (next_of_plan(conversation, ask_out, message_out))
			return true;
		if (conversation->plan.identify_left)
			return false;
	}
	*ask_out = PROVIDER_QUIT;
	*message_out = 0;
	/* It rides behind the last removals. */
	conversation->has_quit = provider_awaited(&conversation->provider) == 0;
	return conversation->has_quit;
}

void conversation_ask(struct conversation *conversation)
{
	enum provider_ask ask;
	size_t message;

	while (provider_may_ask(&conversation->provider) &&
	       conversation->failure.kind == ERR_NONE &&
	       next_ask(conversation, &ask, &message))
		provider_ask(&conversation->provider, ask, message);
}
