#include "programs/lontar-pickup/conversation.h"

/* When a session has done enough for a QUIT: it costs a login and a listing anew, which
 * should be little beside what was fetched. Where messages have no uids, a cut costs all
 * that was fetched since the last QUIT, so it is said sooner. */
#define RENEW_MESSAGES 20
#define RENEW_BYTES    ((uint64_t)4 * 1024 * 1024)
#define RENEW_LISTINGS 32

static bool has_done_enough(const struct provider_connection *connection)
{
	uint64_t bytes =
		connection->plan.has_keyless
			? RENEW_BYTES / 16
			: RENEW_BYTES + RENEW_LISTINGS * provider_listing_bytes(
								 &connection->provider);

	return connection->provider.kind->removes_at_quit &&
	       connection->work->pickup.keep != PICKUP_KEEP_ALWAYS &&
	       connection->fetched >= RENEW_MESSAGES &&
	       connection->fetched_bytes >= bytes && connection->plan.fetch_left > 0;
}

static enum task task_of(const struct provider_connection *connection, size_t turn)
{
	return connection->plan.items[connection->plan.order[turn]].task;
}

/* It is not begun: it would not end before the link's end. */
static void keep_there(struct provider_connection *connection, size_t message)
{
	struct plan *plan = &connection->plan;

	plan->items[message].task = TASK_NONE;
	plan->fetch_left--;
	plan->fetch_bytes -= provider_octets(&connection->provider, message);
}

static bool is_affordable(struct provider_connection *connection, size_t message)
{
	uint64_t octets = provider_octets_left(&connection->provider, message);
	uint64_t here = connection->message.bytes, begun = connection->begun_octets;

	if (!meter_takes(connection->work, octets, begun > here ? begun - here : 0))
		return false;
	connection->plan.items[message].begun_octets = octets;
	connection->begun_octets += octets;
	return true;
}

/* The plan's next; false: there is none, or it is not known yet. */
static bool next_of_plan(struct provider_connection *connection,
			 enum provider_ask *ask_out, size_t *message_out)
{
	static const enum provider_ask asks[] = {
		[TASK_NONE] = PROVIDER_QUIT,        [TASK_IDENTIFY] = PROVIDER_HEADER,
		[TASK_FETCH] = PROVIDER_FETCH,      [TASK_NOTICE] = PROVIDER_HEADER,
		[TASK_DELETE] = PROVIDER_DELETE,    [TASK_PROBE] = PROVIDER_HEADER,
		[TASK_COMPARE] = PROVIDER_IDENTITY,
	};
	struct plan *plan = &connection->plan;
	enum task task;

	while (plan->next < plan->order_count &&
	       task_of(connection, plan->next) == TASK_FETCH && !plan->identify_left &&
	       !is_affordable(connection, plan->order[plan->next]))
		keep_there(connection, plan->order[plan->next++]);
	if (plan->next == plan->order_count)
		return false;
	task = task_of(connection, plan->next);
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
static bool next_ask(struct provider_connection *connection, enum provider_ask *ask_out,
		     size_t *message_out)
{
	if (connection->removable_next < connection->removable_count) {
		*ask_out = PROVIDER_DELETE;
		*message_out = connection->removable[connection->removable_next++];
		return true;
	}
	connection->renew = connection->renew || has_done_enough(connection);
	if (!connection->renew) {
		if (next_of_plan(connection, ask_out, message_out))
			return true;
		if (connection->plan.identify_left)
			return false;
	}
	*ask_out = PROVIDER_QUIT;
	*message_out = 0;
	/* It rides behind the last removals. */
	connection->has_quit = provider_awaited(&connection->provider) == 0;
	return connection->has_quit;
}

void conversation_ask(struct provider_connection *connection)
{
	enum provider_ask ask;
	size_t message;

	while (provider_may_ask(&connection->provider) &&
	       connection->failure.kind == ERR_NONE &&
	       next_ask(connection, &ask, &message))
		provider_ask(&connection->provider, ask, message);
}
