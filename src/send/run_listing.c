/* What is due, and when the parked Maildir is listed again. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "send/run_private.h"

#define LOOK_S .3
#define REST_S .02 /* until the first thousand are on their way */

struct order_limits run_limits(const struct run *run)
{
	const struct quota_use use = { .open_bytes =
					       pool_used(&run->pool) +
					       (run->mx ? mx_delivery_used(run->mx) : 0),
				       .begun_bytes = pool_begun_cost(&run->pool),
				       .bytes_per_s = pool_rate(&run->pool),
				       .now = clock_wall_s(),
				       .is_connected = run->pool.was_ready };

	return quota_limits(&run->quota, &use);
}

/* The link came up, or a person said now: what waits for its next attempt goes too, once
 * in this call. */
static struct order_rules rules_now(const struct run *run)
{
	return (struct order_rules){ .now = clock_wall_s(),
				     .call_began = run->began,
				     .uncertainwait_s =
					     run->outbound.settings.uncertainwait_s,
				     .ignore_not_before = run->is_all_due,
				     .but_tried = run->was_listed,
				     .limits = run_limits(run) };
}

bool run_list_any(struct run *run, bool *any_out, struct err *err)
{
	const struct order_rules rules = rules_now(run);

	return queue_has_any(&run->outbound.queue, &rules, any_out, err);
}

static bool is_at_work(void *ctx, const char *id)
{
	const struct run *run = ctx;
	const struct mx_job *job = run->outbound.job;

	return pool_has(&run->pool, id) || run_has_suspended(run, id) ||
	       (run->mx && mx_delivery_has(run->mx, id)) || (job && !mx_job_has(job, id));
}

/* Of what would be due, something is too large or not urgent enough for this link, or for
 * what is left of it. */
static void note_limits(struct run *run)
{
	size_t kept = run->outbound.queue.kept;

	if (!kept)
		return;
	err_temporary(&run->kept, "",
		      "%zu wait%s for another link, or for more time or a larger budget "
		      "of %s",
		      kept, kept == 1 ? "s" : "", run->path.link.name);
}

bool run_list(struct run *run, struct err *err)
{
	const struct order_rules rules = rules_now(run);
	struct queue *queue = &run->outbound.queue;
	bool is_first = !run->was_listed || queue->partial;

	if (run->mx)
		mx_delivery_index(run->mx);
	if (!queue_load(queue, &rules, is_at_work, run, err))
		return false;
	run->was_listed = true;
	note_limits(run);
	if (queue->partial)
		run_relist(run);
	else if (is_first && queue_left(queue))
		log_info("flush smarthost=%s messages=%zu bytes=%" PRIu64,
			 run->outbound.smarthost.name, queue_left(queue),
			 queue->left_bytes);
	return true;
}

void run_relist(struct run *run)
{
	struct ev_loop *loop = run->transfer.loop;
	const struct queue *queue = &run->outbound.queue;

	run->is_relist_wanted = true;
	if (ev_is_active(&run->relist))
		return;
	/* A long list takes its time: while there is something to send, news can wait. */
	ev_timer_set(&run->relist,
		     queue->partial      ? REST_S
		     : queue_left(queue) ? LOOK_S
					 : 0.,
		     0.);
	ev_timer_start(loop, &run->relist);
}
