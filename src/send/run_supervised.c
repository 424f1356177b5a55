/* What the supervisor of a run asks of it, and what it is told. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/operator.h"
#include "send/run_private.h"

static void watch_quota(struct run *run)
{
	const char *why;

	if (quota_is_over(&run->quota, run_open_bytes(run), clock_wall_s(), &why))
		run_cut(run, why);
}

static void on_tick(void *ctx)
{
	watch_quota(ctx);
	run_tell_progress(ctx);
}

static void on_stop(void *ctx, const char *why)
{
	run_stop(ctx, why);
}

static void on_limit(void *ctx, uint64_t most_bytes, int64_t until)
{
	struct run *run = ctx;
	bool is_more = quota_allow(&run->quota, most_bytes, until);

	watch_quota(run);
	if (run->mx)
		mx_delivery_limit(run->mx);
	if (is_more)
		run_relist(run);
}

static void on_wakeup(void *ctx)
{
	run_relist(ctx);
}

struct wanted {
	const char *id;
	struct parked_name *name_out;
	bool is_found;
};

static bool find_wanted(void *ctx, const struct parked_name *name)
{
	struct wanted *wanted = ctx;

	wanted->is_found = strcmp(name->id, wanted->id) == 0;
	if (wanted->is_found)
		*wanted->name_out = *name;
	return !wanted->is_found;
}

static bool find_message(const struct outbound *outbound, const char *id,
			 struct parked_name *name_out, struct err *err)
{
	struct wanted wanted = { id, name_out, false };

	return parked_each(outbound->parked, find_wanted, &wanted, err) &&
	       (wanted.is_found ||
		err_exit(err, EX_NOINPUT, "no message %s is parked for %s", id,
			 outbound->smarthost.name));
}

static bool is_being_sent(struct run *run, const char *id)
{
	if (run->mx)
		mx_delivery_index(run->mx);
	return pool_has(&run->pool, id) || run_has_suspended(run, id) ||
	       (run->mx && mx_delivery_has(run->mx, id));
}

/* What an operator wants done with a message. The Maildir is listed again afterwards. */
static bool on_action(void *ctx, const char *verb, const char *id, struct err *err)
{
	struct run *run = ctx;
	struct outbound *outbound = &run->outbound;
	struct parked_name name;
	uint64_t gone;

	if (is_being_sent(run, id))
		return err_exit(err, EX_TEMPFAIL, "%s is being sent just now: try again",
				id);
	/* A message that is only marked ahead is not begun, and can still be stopped. */
	if (queue_has_marked(&outbound->queue, id) &&
	    !queue_give_back(&outbound->queue, err))
		return false;
	if (!find_message(outbound, id, &name, err) ||
	    !operator_apply(outbound->root_fd, outbound->parked, &name, verb, &gone, err))
		return false;
	if (gone)
		log_info("end msg %" PRIu64, gone);
	log_info("act verb=%s smarthost=%s id=%s", verb, outbound->smarthost.name, id);
	stops_remove(&outbound->stops, "person", id);
	run_relist(run);
	return true;
}

const struct transfer_handler run_transfer_handler = { on_stop, on_tick };
const struct supervisor_handler run_supervisor_handler = { on_stop, on_limit, on_wakeup,
							   on_action };
