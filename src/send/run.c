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
#include "send/run_private.h"

#define SYNC_S  1.
#define IDLE_S  2.
#define GRACE_S 1.2 /* of the two seconds in which a flush must be gone */

bool run_is_ending(const struct run *run)
{
	return run->state >= RUN_DRAINING;
}

static void leave_after(struct run *run, double seconds)
{
	ev_timer_stop(run->transfer.loop, &run->leave);
	ev_timer_set(&run->leave, seconds, 0.);
	ev_timer_start(run->transfer.loop, &run->leave);
}

static void on_leave(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct run *run = watcher->data;

	(void)loop;
	(void)events;
	pool_close(&run->pool);
	transfer_leave(&run->transfer);
}

/* No way back: a run that is ending begins nothing. */
static void set_ending(struct run *run, enum run_state state)
{
	if (run->state < state)
		run->state = state;
	run->pool.shared.gate = run->state == RUN_CUT ? GATE_CUT : GATE_NO_NEW;
}

void run_begin_draining(struct run *run)
{
	set_ending(run, RUN_DRAINING);
}

void run_stop(struct run *run, const char *why)
{
	struct err err = { 0 };
	bool is_busy =
		pool_unanswered(&run->pool) || (run->mx && mx_delivery_is_busy(run->mx));

	if (run_is_ending(run) && !run->is_stopped)
		return;
	run->is_stopped = false;
	set_ending(run, RUN_DRAINING);
	if (queue_left(&run->outbound.queue) || is_busy) {
		err_temporary(&err, "", "%s", why);
		outbound_blame(&run->outbound, &err);
	}
	if (run->mx)
		mx_delivery_stop(run->mx, why);
	leave_after(run, is_busy ? GRACE_S : 0.);
}

uint64_t run_open_bytes(const struct run *run)
{
	return pool_used(&run->pool) + (run->mx ? mx_delivery_used(run->mx) : 0);
}

void run_cut(struct run *run, const char *why)
{
	if (run->state == RUN_CUT)
		return;
	log_info("flush smarthost=%s cut reason=%s", run->outbound.smarthost.name, why);
	run_stop(run, why);
	set_ending(run, RUN_CUT);
}

/* More may come soon, if a link is up that serves this smarthost; but a caller that waits
 * to be told that mail stays is not kept waiting. Without a link the flush was asked for
 * just once. */
static bool may_idle(const struct run *run)
{
	const struct outbound *outbound = &run->outbound;
	char text[STAYS_MAX];
	struct link_choice ignored;

	return !run_is_ending(run) && !run->options.is_standalone && !outbound->job &&
	       supervisor_is_there(run->supervisor) &&
	       run_what_stays(run, text, sizeof(text)) == EX_OK &&
	       link_choose(outbound->root_fd, outbound->control_fd, LINK_FOR_SMARTHOST,
			   outbound->smarthost.name, clock_wall_s(), &ignored);
}

/* Messages that ended a connection are tried when all others are done. */
static bool is_suspects_turn_due(struct run *run)
{
	if (!run->was_suspect_passed || run->is_suspects_turn)
		return false;
	return run->is_suspects_turn = true;
}

void run_drained(struct run *run)
{
	struct outbound *outbound = &run->outbound;

	if (run_is_ending(run)) {
		run_settle_suspended(run, run->is_stopped);
		leave_after(run, 0.);
		return;
	}
	if (run->is_relist_wanted)
		return; /* on_relist goes on */
	/* Something may have been parked since the last listing. The Maildir is listed
	 * once for what was tried meanwhile: what cannot be begun at all is not tried for
	 * ever. */
	if (outbound->counters.deliveries != run->listed_after ||
	    is_suspects_turn_due(run)) {
		run->listed_after = outbound->counters.deliveries;
		run_relist(run);
		return;
	}
	run_settle_suspended(run, true);
	run_judge_place(run);
	if (run_is_ending(run) || !may_idle(run)) {
		leave_after(run, 0.);
	} else if (!ev_is_active(&run->leave)) {
		run_write_state(run);
		run->state = RUN_IDLE;
		run_tell_progress(run);
		supervisor_idle(run->supervisor);
		leave_after(run, IDLE_S);
	}
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
		leave_after(run, 0.);
		return true;
	}
	run->is_all_due = is_all_due(run);
	run_learn(run);
	if (outbound_is_mx(outbound))
		start_mx(run);
	if (!run_list_any(run, &is_any, err))
		return false;
	if (!is_any) {
		leave_after(run, 0.);
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
			   .began = clock_wall_s() };
	struct err err = { 0 };

	watch(&run);
	if (begin(&run, smarthost, &err))
		transfer_run(&run.transfer);
	return run_finish(&run, &err);
}
