#include "programs/lontar-pickup/conversation.h"

/* When a session has done enough for a QUIT: it costs a login and a listing anew, which
 * should be little beside what was fetched. Where messages have no uids, a cut costs all
 * that was fetched since the last QUIT, so it is said sooner. */
#define RENEW_MESSAGES 20
#define RENEW_BYTES    ((uint64_t)4 * 1024 * 1024)
#define RENEW_LISTINGS 32

static bool has_done_enough(const struct session *session)
{
	uint64_t bytes =
		session->plan.has_keyless
			? RENEW_BYTES / 16
			: RENEW_BYTES + RENEW_LISTINGS * provider_listing_bytes(
								 &session->provider);

	return session->provider.kind->removes_at_quit &&
	       session->work->pickup.keep != PICKUP_KEEP_ALWAYS &&
	       session->fetched >= RENEW_MESSAGES && session->fetched_bytes >= bytes &&
	       session->plan.fetch_left > 0;
}

static enum task task_of(const struct session *session, size_t turn)
{
	return session->plan.items[session->plan.order[turn]].task;
}

/* It is not begun: it would not end before the link's end. */
static void keep_there(struct session *session, size_t message)
{
	struct plan *plan = &session->plan;

	plan->items[message].task = TASK_NONE;
	plan->fetch_left--;
	plan->fetch_bytes -= provider_octets(&session->provider, message);
}

static bool is_affordable(struct session *session, size_t message)
{
	uint64_t octets = provider_octets_left(&session->provider, message);
	uint64_t here = session->message.bytes, begun = session->begun_octets;

	if (!meter_takes(session->work, octets, begun > here ? begun - here : 0))
		return false;
	session->plan.items[message].begun_octets = octets;
	session->begun_octets += octets;
	return true;
}

/* The plan's next; false: there is none, or it is not known yet. */
static bool next_of_plan(struct session *session, enum provider_ask *ask_out,
			 size_t *message_out)
{
	static const enum provider_ask asks[] = {
		[TASK_NONE] = PROVIDER_QUIT,        [TASK_IDENTIFY] = PROVIDER_HEADER,
		[TASK_FETCH] = PROVIDER_FETCH,      [TASK_NOTICE] = PROVIDER_HEADER,
		[TASK_DELETE] = PROVIDER_DELETE,    [TASK_PROBE] = PROVIDER_HEADER,
		[TASK_COMPARE] = PROVIDER_IDENTITY,
	};
	struct plan *plan = &session->plan;
	enum task task;

	while (plan->next < plan->order_count &&
	       task_of(session, plan->next) == TASK_FETCH && !plan->identify_left &&
	       !is_affordable(session, plan->order[plan->next]))
		keep_there(session, plan->order[plan->next++]);
	if (plan->next == plan->order_count)
		return false;
	task = task_of(session, plan->next);
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
static bool next_ask(struct session *session, enum provider_ask *ask_out,
		     size_t *message_out)
{
	if (session->removable_next < session->removable_count) {
		*ask_out = PROVIDER_DELETE;
		*message_out = session->removable[session->removable_next++];
		return true;
	}
	session->renew = session->renew || has_done_enough(session);
	if (!session->renew) {
		if (next_of_plan(session, ask_out, message_out))
			return true;
		if (session->plan.identify_left)
			return false;
	}
	*ask_out = PROVIDER_QUIT;
	*message_out = 0;
	/* It rides behind the last removals. */
	session->has_quit = provider_awaited(&session->provider) == 0;
	return session->has_quit;
}

void conversation_ask(struct session *session)
{
	enum provider_ask ask;
	size_t message;

	while (provider_may_ask(&session->provider) &&
	       session->failure.kind == ERR_NONE && next_ask(session, &ask, &message))
		provider_ask(&session->provider, ask, message);
}
