/* The end of a run: everything is put where it belongs, what was learnt goes to disk, and
 * it is told how it ended. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "send/delay_notice.h"
#include "send/fallback_move.h"
#include "send/run_finish.h"
#include "send/run_learning.h"
#include "send/run_private.h"
#include "send/stops_prune.h"
#include "send/stops_tell.h"

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
int run_what_stays(const struct run *run, char *text, size_t room)
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

void run_write_state(struct run *run)
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
	if (!smarthost_note_write(outbound->root_fd, name, note, &err))
		log_failure(&err);
	if (!stops_prune(&outbound->stops, outbound->parked, &err))
		log_failure(&err);
	if (!stops_write(outbound->root_fd, name, &outbound->stops, &err) ||
	    !stops_tell(outbound->root_fd, &outbound->settings, name, &outbound->stops,
			clock_wall_s(), &err))
		log_failure(&err);
}

void run_on_moved(void *ctx, const char *smarthost)
{
	struct run *run = ctx;

	supervisor_moved(run->supervisor, smarthost);
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
				      .moved = run_on_moved,
				      .ctx = run };
	int exit_code;

	put_back(run);
	if (run->mx)
		peer_memory_forget_old(outbound->root_fd, outbound->smarthost.name,
				       run->began);
	if (run->options.is_standalone)
		delay_notice_send_all(outbound);
	if (err->kind != ERR_NONE)
		outbound->note.last_try = run->began;
	if (outbound->note.last_try >= run->began)
		run_write_state(run);
	run_learn_call(run);
	fallback_afterwards(&move);
	exit_code = run_what_stays(run, text, room);
	log_info("flush smarthost=%s sent=%" PRIu64 " bytes=%" PRIu64 " refused=%" PRIu64
		 " deferred=%" PRIu64 " exit=%d%s%s",
		 parked_smarthost(outbound->parked), counters->sent, counters->sent_bytes,
		 counters->refused, counters->deferred, exit_code,
		 outbound->why.kind == ERR_NONE ? "" : " reason=", outbound->why.text);
	return exit_code;
}

static int finish_mx_job(struct run *run, char *text, size_t room)
{
	struct outbound *outbound = &run->outbound;
	struct err err = { 0 };

	put_back(run);
	if (!stops_hand_over(outbound->root_fd, parked_smarthost(outbound->parked),
			     outbound->smarthost.host, &outbound->stops, &err))
		log_failure(&err);
	snprintf(text, room, "%s", outbound->why.text);
	if (!run->pool.was_ready)
		return MX_JOB_NOT_REACHED;
	return run->was_lost || run->is_stopped ? MX_JOB_LOST : EX_OK;
}

/* Puts everything where it belongs and tells how it ended. */
int run_finish(struct run *run, const struct err *err)
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
