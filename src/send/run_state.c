/*
 * The state of a run, and how it is brought to its end.
 *
 * A supervisor that stops a run, or SIGTERM, gives it two seconds: what was begun may be
 * answered, nothing new is begun. At the end of the link's time or budget nothing more is
 * written either. A refusal that concerns all mail ends it as soon as what was begun is
 * answered.
 */
#include "base/log.h"
#include "send/run_private.h"

#define FRUITLESS_MAX 3   /* connections in a row that settled nothing */
#define GRACE_S       1.2 /* of the two seconds in which a flush must be gone */

static const char *const state_words[] = {
	[RUN_STARTING] = "connecting", [RUN_SENDING] = "sending",
	[RUN_IDLE] = "idle",           [RUN_DRAINING] = "stopping",
	[RUN_CUT] = "stopping",        [RUN_ENDED] = "stopping",
};

bool run_is_ending(const struct run *run)
{
	return run->state >= RUN_DRAINING;
}

void run_leave_after(struct run *run, double seconds)
{
	ev_timer_stop(run->transfer.loop, &run->leave);
	ev_timer_set(&run->leave, seconds, 0.);
	ev_timer_start(run->transfer.loop, &run->leave);
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

	if (run->is_told_to_leave)
		return;
	run->is_told_to_leave = true;
	set_ending(run, RUN_DRAINING);
	if (queue_left(&run->outbound.queue) || is_busy) {
		err_temporary(&err, "", "%s", why);
		outbound_blame(&run->outbound, &err);
	}
	if (run->mx)
		mx_delivery_stop(run->mx, why);
	run_leave_after(run, is_busy ? GRACE_S : 0.);
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

bool run_is_fruitless(struct run *run)
{
	run->fruitless = run->settled ? 0 : run->fruitless + 1;
	return run->fruitless >= FRUITLESS_MAX;
}

void run_tell_progress(struct run *run)
{
	const struct outbound *outbound = &run->outbound;
	const struct send_counters *counters = &outbound->counters;
	struct link_progress progress = {
		.sent = counters->sent,
		.sent_bytes = counters->sent_bytes + pool_bytes_out(&run->pool),
		.waiting = queue_left(&outbound->queue) + pool_unanswered(&run->pool),
		.waiting_bytes = outbound->queue.left_bytes,
		.used_bytes = quota_used(&run->quota, run_open_bytes(run)),
		.refused = counters->refused,
		.deferred = counters->deferred,
		.smarthost = span_of(outbound->smarthost.name),
		.link = span_of(run->path.link.name),
		.doing = span_of(state_words[run->state]),
	};

	if (!outbound->smarthost.name)
		return;
	if (run->mx) {
		mx_delivery_add_progress(run->mx, &progress);
		if (!run_is_ending(run) && run->state != RUN_IDLE)
			progress.doing = span_of(mx_delivery_is_sending(run->mx)
							 ? "sending"
							 : "looking for mail hosts");
	}
	supervisor_progress(run->supervisor, &progress);
}
