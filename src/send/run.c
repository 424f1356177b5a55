/*
 * When does a flush leave?
 *
 * It leaves at once if nothing is due, and if no server could be reached. A run that has
 * sent all lists the Maildir once more, since mail may have been parked meanwhile, and
 * then stays idle for two seconds while a link is up, since a burst's next message finds
 * the connection open. A supervisor that stops it, or SIGTERM, gives it two seconds: what
 * was begun may be answered, nothing new is begun. At the end of the link's time or
 * budget nothing more is written either. A refusal that concerns all mail ends it as soon
 * as what was begun is answered.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "link/allowance.h"
#include "send/disposition.h"
#include "send/fallback_move.h"
#include "send/reroute.h"
#include "send/run_finish.h"
#include "send/run_learning.h"
#include "send/run_private.h"

#define SYNC_S 1.

static void on_leave(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct run *run = watcher->data;

	(void)loop;
	(void)events;
	pool_close(&run->pool);
	transfer_leave(&run->transfer);
}

static void on_relist(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct run *run = watcher->data;
	struct err err = { 0 };

	(void)events;
	if (run_is_ending(run))
		return;
	run->is_relist_wanted = false;
	if (!run_list(run, &err)) {
		log_failure(&err);
		outbound_blame(&run->outbound, &err);
	}
	if (run->mx) {
		ev_timer_stop(loop, &run->leave);
		mx_delivery_take_list(run->mx);
		return;
	}
	if (queue_left(&run->outbound.queue) && run->pool.was_ready) {
		ev_timer_stop(loop, &run->leave);
		run->state = RUN_SENDING;
		pool_reconnect(&run->pool);
	}
	pool_pump(&run->pool);
	/* The last connection ended, and there is nothing to make another one for. */
	if (run->pool.was_ready && !pool_count(&run->pool))
		run_drained(run);
}

static void on_sync(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct run *run = watcher->data;
	struct err err = { 0 };

	(void)loop;
	(void)events;
	if (!queue_sync(&run->outbound.queue, &err))
		log_failure(&err);
}

static void watch(struct run *run)
{
	bool is_tied = !run->options.is_standalone && !run->options.is_mx_job;

	/* What is being sent is marked as such, and the next flush finds it: so this one
	 * may end at once with its master. */
	transfer_begin(&run->transfer, &run_transfer_handler, run, is_tied);
	run->supervisor =
		supervisor_open(run->transfer.loop, &run_supervisor_handler, run);
	ev_timer_init(&run->sync, on_sync, SYNC_S, SYNC_S);
	ev_timer_init(&run->relist, on_relist, 0., 0.);
	ev_timer_init(&run->leave, on_leave, 0., 0.);
	run->sync.data = run->relist.data = run->leave.data = run;
	ev_timer_start(run->transfer.loop, &run->sync);
}

static bool open_all(struct run *run, const char *smarthost, struct err *err)
{
	struct outbound *outbound = &run->outbound;
	struct mx_job *job = NULL;

	if (run->options.is_mx_job) {
		job = mx_job_read(err);
		if (!job)
			return false;
	}
	if (!outbound_open(outbound, smarthost, job, err))
		return false;
	run->files = stops_fingerprint(outbound->control_fd, smarthost);
	/* Without a gateway a person asked for this. */
	if (run->options.is_standalone)
		stops_end(&outbound->stops, run->began);
	return job || reroute(outbound, run_on_moved, run, err);
}

static void choose_link(struct run *run)
{
	struct outbound *outbound = &run->outbound;
	const struct link_path_wish wish = { .root_fd = outbound->root_fd,
					     .control_fd = outbound->control_fd,
					     .use = LINK_FOR_SMARTHOST,
					     .name = outbound->smarthost.name,
					     .host = outbound->smarthost.host,
					     .now = run->began };
	struct link_choice choice;

	link_path_choose(&wish, &run->path, &choice);
	quota_begin(&run->quota, &choice);
	pool_begin(&run->pool, &(struct pool_setup){ .loop = run->transfer.loop,
						     .outbound = outbound,
						     .path = &run->path,
						     .quota = &run->quota,
						     .events = &run_events,
						     .events_ctx = run });
}

/* Of many domains some always have mail that waits for its time: new mail for another
 * must not bring that forward. A link that came up does, and a person who asked for it.
 */
static bool is_all_due(const struct run *run)
{
	const struct link_note *link = &run->path.link;

	return !outbound_is_mx(&run->outbound) || run->options.is_standalone ||
	       !link->name[0] || run->outbound.note.last_try <= link->since;
}

static void on_mx_relist(void *ctx)
{
	run_relist(ctx);
}

static void on_mx_drained(void *ctx)
{
	run_drained(ctx);
}

static void start_mx(struct run *run)
{
	run->mx = mx_delivery_new(
		&(struct mx_delivery_setup){ .loop = run->transfer.loop,
					     .outbound = &run->outbound,
					     .path = &run->path,
					     .quota = &run->quota,
					     .try_all_hosts = run->is_all_due,
					     .relist = on_mx_relist,
					     .drained = on_mx_drained,
					     .ctx = run });
}

static bool begin(struct run *run, const char *smarthost, struct err *err)
{
	struct outbound *outbound = &run->outbound;
	struct fallback_move move = { .outbound = outbound,
				      .link_since = 0,
				      .began = run->began,
				      .moved = run_on_moved,
				      .ctx = run };
	bool is_any;

	if (!open_all(run, smarthost, err))
		return false;
	choose_link(run);
	move.link_since = run->path.link.since;
	if (!outbound->job && !run->options.is_standalone && fallback_instead(&move)) {
		run_leave_after(run, 0.);
		return true;
	}
	run->is_all_due = is_all_due(run);
	run_learn(run);
	if (outbound_is_mx(outbound))
		start_mx(run);
	if (!run_list_any(run, &is_any, err))
		return false;
	if (!is_any) {
		run_leave_after(run, 0.);
		return run_list(run, err);
	}
	outbound->note.last_try = run->began;
	/* The Maildir is listed while the connection is made: very many messages take a
	 * while. */
	run_relist(run);
	if (!run->mx)
		pool_connect(&run->pool);
	return true;
}

int run_flush(const char *smarthost, const struct run_options *options)
{
	struct run run = { .options = *options,
			   .outbound = { .root_fd = -1, .control_fd = -1 },
			   .quota = QUOTA_UNLIMITED,
			   .began = clock_wall_s(),
			   .began_ms = clock_monotonic_ms() };
	struct err err = { 0 };

	watch(&run);
	if (begin(&run, smarthost, &err))
		transfer_run(&run.transfer);
	return run_finish(&run, &err);
}
