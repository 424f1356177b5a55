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
#include "send/delay_notice.h"
#include "send/disposition.h"
#include "send/fallback_move.h"
#include "send/reroute.h"
#include "send/run_private.h"
#include "send/stops_tell.h"

#define STAYS_MAX 700
#define SYNC_S    1.
#define IDLE_S    2.
#define GRACE_S   1.2 /* of the two seconds in which a flush must be gone */

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

struct stay {
	size_t messages, held, uncertain;
};

static bool count_stay(void *ctx, const struct parked_name *name)
{
	struct stay *stay = ctx;

	stay->messages++;
	stay->held += name->state == PARKED_HELD;
	stay->uncertain += name->state == PARKED_UNCERTAIN;
	return true;
}

/* What is in the Maildir now, with the first reason why. EX_OK: nothing. */
static int what_stays(const struct run *run, char *text, size_t room)
{
	const struct outbound *outbound = &run->outbound;
	const struct err *why =
		outbound->why.kind == ERR_NONE ? &run->kept : &outbound->why;
	struct stay stay = { 0 };
	struct err err;

	if (!parked_each(outbound->parked, count_stay, &stay, &err)) {
		snprintf(text, room, "%s", err.text);
		return EX_TEMPFAIL;
	}
	if (!stay.messages)
		return EX_OK;
	snprintf(text, room, "%s: %zu stay%s (%zu held, %zu uncertain)%s%s",
		 parked_smarthost(outbound->parked), stay.messages,
		 stay.messages == 1 ? "s" : "", stay.held, stay.uncertain,
		 why->kind == ERR_NONE ? "" : ": ", why->text);
	return EX_TEMPFAIL;
}

static bool was_connected(const struct run *run)
{
	return run->pool.was_ready || (run->mx && mx_delivery_was_connected(run->mx));
}

static void write_state(struct run *run)
{
	struct outbound *outbound = &run->outbound;
	struct smarthost_note *note = &outbound->note;
	const char *name = parked_smarthost(outbound->parked);
	struct err err = { 0 };

	/* What one of many mail hosts does is noted in its messages' names. */
	if (run->mx ? !run_is_ending(run)
		    : run->pool.was_ready && !run->is_stopped && !run->was_lost)
		note->last_success = clock_wall_s();
	if (run->pool.was_ready)
		pool_note(&run->pool, note);
	snprintf(note->last_error, sizeof(note->last_error), "%.*s",
		 (int)sizeof(note->last_error) - 1, outbound->why.text);
	if (!smarthost_note_write(outbound->root_fd, name, note, &err) ||
	    !stops_write(outbound->root_fd, name, &outbound->stops, &err) ||
	    !stops_tell(outbound->root_fd, &outbound->settings, name, &outbound->stops,
			clock_wall_s(), &err))
		log_failure(&err);
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
	       what_stays(run, text, sizeof(text)) == EX_OK &&
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
		write_state(run);
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

static void on_moved(void *ctx, const char *smarthost)
{
	struct run *run = ctx;

	supervisor_moved(run->supervisor, smarthost);
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
	return job || reroute(outbound, on_moved, run, err);
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
				      .moved = on_moved,
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

static void put_back(struct run *run)
{
	struct queue *queue = &run->outbound.queue;
	struct err err = { 0 };

	if (run->mx)
		mx_delivery_end(run->mx);
	pool_close(&run->pool);
	run_keep_memory(run);
	run_settle_suspended(run, false);
	if (!queue_give_back(queue, &err) || !queue_sync(queue, &err))
		log_failure(&err);
	queue_clear(queue);
}

static int finish_smarthost(struct run *run, const struct err *err, char *text,
			    size_t room)
{
	struct outbound *outbound = &run->outbound;
	const struct send_counters *counters = &outbound->counters;
	struct fallback_move move = { .outbound = outbound,
				      .began = run->began,
				      .was_connected = was_connected(run),
				      .was_lost = run->was_lost && !run_is_ending(run),
				      .moved = on_moved,
				      .ctx = run };
	int exit_code;

	put_back(run);
	if (run->options.is_standalone)
		delay_notice_send_all(outbound);
	if (err->kind != ERR_NONE)
		outbound->note.last_try = run->began;
	if (outbound->note.last_try >= run->began)
		write_state(run);
	run_learn_call(run);
	fallback_afterwards(&move);
	exit_code = what_stays(run, text, room);
	log_info("flush smarthost=%s sent=%" PRIu64 " bytes=%" PRIu64 " refused=%" PRIu64
		 " deferred=%" PRIu64 " exit=%d%s%s",
		 parked_smarthost(outbound->parked), counters->sent, counters->sent_bytes,
		 counters->refused, counters->deferred, exit_code,
		 outbound->why.kind == ERR_NONE ? "" : " reason=", outbound->why.text);
	return exit_code;
}

static int finish_mx_job(struct run *run, char *text, size_t room)
{
	put_back(run);
	snprintf(text, room, "%s", run->outbound.why.text);
	if (!run->pool.was_ready)
		return MX_JOB_NOT_REACHED;
	return run->was_lost || run->is_stopped ? MX_JOB_LOST : EX_OK;
}

/* Puts everything where it belongs and tells how it ended. */
static int finish(struct run *run, const struct err *err)
{
	struct outbound *outbound = &run->outbound;
	char text[STAYS_MAX] = "";
	int exit_code;

	if (err->kind != ERR_NONE) {
		outbound_blame(outbound, err);
		log_failure(err);
	}
	if (outbound->is_locked) {
		exit_code = finish_smarthost(run, err, text, sizeof(text));
	} else if (outbound->job && err->kind == ERR_NONE) {
		exit_code = finish_mx_job(run, text, sizeof(text));
	} else {
		exit_code = err_exit_code(err);
		snprintf(text, sizeof(text), "%s", err->text);
	}
	run_tell_progress(run);
	supervisor_done(run->supervisor, exit_code, text);
	transfer_end(&run->transfer);
	supervisor_close(run->supervisor);
	mx_delivery_free(run->mx);
	judge_free(&run->judge);
	settings_list_clear(&run->stops_put);
	settings_list_clear(&run->senders_tried);
	verdict_rules_free(run->rules);
	outbound_close(outbound);
	return exit_code;
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
	return finish(&run, &err);
}
