/*
 * What becomes of connections, and which message may go over them.
 *
 * A connection that ends after it settled something is no failure: the run goes on over a
 * new one, in the same call. One that ended without it is tried again twice, each time
 * with another message in front, so that a message that makes the server hang up keeps
 * back none of the others; such messages go last, one by one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "send/disposition.h"
#include "send/refusal.h"
#include "send/run_private.h"

#define FRUITLESS_MAX 3 /* connections in a row that settled nothing */

static struct order_limits on_limits(void *ctx)
{
	return run_limits(ctx);
}

static struct stops_now stops_now(const struct run *run)
{
	const struct outbound *outbound = &run->outbound;
	const struct link_note *link = &run->path.link;

	return stops_now_of(outbound->root_fd, outbound->control_fd,
			    outbound->smarthost.name, link->name[0] ? link->since : 0);
}

static void remove_whole(struct stops *stops)
{
	const struct stop *stop = stops_smarthost(stops);
	char scope[sizeof(stop->scope)];

	if (!stop)
		return;
	memcpy(scope, stop->scope, sizeof(scope));
	stops_remove(stops, scope, "");
}

void run_end_feeling(struct run *run)
{
	struct outbound *outbound = &run->outbound;

	if (!run->is_feeling)
		return;
	run->is_feeling = false;
	run->judge.times = 0;
	remove_whole(&outbound->stops);
	run->pool.limit = outbound->job ? 1 : 0;
	run->pool.shared.most_messages = outbound->smarthost.indoubt;
	log_info("resumed smarthost=%s", outbound->smarthost.name);
}

void run_fill_stop(const struct run *run, const struct verdict *verdict,
		   const char *reason, struct stop *stop_out)
{
	const struct stops_now now = stops_now(run);

	*stop_out = (struct stop){ .since = now.now,
				   .link_since = now.link_since,
				   .files = run->files };
	if (verdict->wait_s)
		stop_out->until = now.now + (int64_t)verdict->wait_s;
	snprintf(stop_out->scope, sizeof(stop_out->scope), "%s",
		 verdict_scope_name(verdict->scope));
	snprintf(stop_out->what, sizeof(stop_out->what), "%s", verdict->what);
	snprintf(stop_out->mend, sizeof(stop_out->mend), "%s", verdict->mend);
	snprintf(stop_out->reason, sizeof(stop_out->reason), "%s", reason);
}

void run_stop_smarthost(struct run *run, const struct verdict *verdict,
			const struct err *why)
{
	struct outbound *outbound = &run->outbound;
	struct stop stop;

	if (run->is_stopped)
		return;
	run_fill_stop(run, verdict, why->text, &stop);
	if (!outbound->job)
		stops_put(&outbound->stops, &stop);
	log_error("stopped smarthost=%s scope=%s until=%" PRId64 " rule=%s reason=%s",
		  outbound->smarthost.name, stop.scope, stop.until,
		  verdict->rule ? verdict->rule : "", why->text);
	outbound->why = *why;
	run->is_stopped = true;
	run_begin_draining(run);
}

/* A letter of a sender whose mail was refused shows whether it still is; until then, and
 * while the stop holds, the sender's other letters wait. */
static bool may_sender_send(struct run *run, const struct outgoing *message,
			    int64_t *not_before_out)
{
	const char *sender = message->envelope.sender;
	const struct stop *stop = stops_find(&run->outbound.stops, "sender", sender);
	const struct stops_now now = stops_now(run);

	*not_before_out = message->name.not_before;
	if (!stop || message->name.freed)
		return true;
	if (stop_holds(stop, &now)) {
		*not_before_out = stop->until;
		return false;
	}
	for (size_t i = 0; i < run->senders_tried.count; i++)
		if (strcmp(run->senders_tried.lines[i], sender) == 0)
			return false;
	settings_list_add(&run->senders_tried, span_of(sender), 0);
	return true;
}

/* It was refused for the place, and the place is the same. */
static bool is_place_the_same(const struct run *run, const struct outgoing *message)
{
	const struct stop *stop =
		stops_find(&run->outbound.stops, "place", message->name.id);
	const struct stops_now now = stops_now(run);

	return stop && !message->name.freed && stop_holds(stop, &now);
}

/* A message that made the server hang up goes when all others are done. */
static bool is_suspect_now(struct run *run, const struct outgoing *message)
{
	if (run->is_suspects_turn ||
	    !stops_find(&run->outbound.stops, "suspect", message->name.id))
		return false;
	run->was_suspect_passed = true;
	return true;
}

/* The smarthost's own rate: "100 per hour". */
static bool is_rate_spent(struct run *run)
{
	const struct smarthost *smarthost = &run->outbound.smarthost;
	struct peer_memory *memory = &run->memory;
	int64_t now = clock_wall_s();

	if (!smarthost->rate_s)
		return false;
	if (now < memory->rate_since ||
	    now - memory->rate_since >= (int64_t)smarthost->rate_s) {
		memory->rate_since = now;
		memory->rate_count = 0;
	}
	return memory->rate_count++ >= smarthost->rate_count;
}

static void stop_for_rate(struct run *run)
{
	const struct smarthost *smarthost = &run->outbound.smarthost;
	int64_t wait =
		run->memory.rate_since + (int64_t)smarthost->rate_s - clock_wall_s();
	const struct verdict verdict = { .scope = VERDICT_ACCOUNT,
					 .action = VERDICT_STOP,
					 .wait_s = wait > 0 ? (uint32_t)wait : 1,
					 .rule = "rate",
					 .what = "the rate set for this smarthost",
					 .mend = "" };
	struct err why = { 0 };

	err_temporary(&why, "4.7.0", "%s: %s are sent (rate in control/smarthosts/%s)",
		      smarthost->host, smarthost->rate, smarthost->name);
	run_stop_smarthost(run, &verdict, &why);
}

static bool on_admit(void *ctx, struct outgoing *message)
{
	struct run *run = ctx;
	int64_t not_before;

	if (may_sender_send(run, message, &not_before) &&
	    !is_place_the_same(run, message) && !is_suspect_now(run, message)) {
		if (!is_rate_spent(run))
			return true;
		stop_for_rate(run);
	}
	disposition_postpone(&run->outbound, message, not_before);
	return false;
}

static void on_list_short(void *ctx)
{
	struct run *run = ctx;

	if (!run->is_relist_wanted)
		run_relist(run);
}

/* Less protected than it must be: nothing is begun on this connection. */
static bool is_too_little(struct run *run, const struct dial *dial)
{
	const struct outbound *outbound = &run->outbound;
	enum peer_tls level =
		refusal_level(dial_has_tls(dial), dial_certificate_name(dial),
			      outbound->smarthost.host);
	struct verdict verdict;
	struct err why = { 0 };

	if (!refusal_of_level(level, outbound->smarthost.tlslevel, &run->memory,
			      &verdict)) {
		run_learn_protection(run, dial, level);
		return false;
	}
	err_permanent(&why, "4.7.0", "%s: %s", outbound->smarthost.host, verdict.what);
	run_stop_smarthost(run, &verdict, &why);
	return true;
}

static void on_ready(void *ctx, const struct dial *dial, const struct smtp_offer *offer)
{
	struct run *run = ctx;

	run->settled = 0;
	run->is_renewing = false;
	if (is_too_little(run, dial))
		return;
	if (run->state < RUN_DRAINING)
		run->state = RUN_SENDING;
	run_learn_offer(run, offer);
}

/* True: the run goes on over a new connection. */
static bool may_go_on(struct run *run, const struct send_loss *loss)
{
	if (!loss->was_connected || run_is_ending(run) ||
	    !(loss->was_closed || loss->was_given_up || loss->is_half_answered ||
	      loss->is_swallowed || loss->is_stalled))
		return false;
	if (run->settled)
		run->fruitless = 0;
	else
		run->fruitless++;
	return run->fruitless < FRUITLESS_MAX;
}

static void go_on(struct run *run, const struct send_loss *loss, unsigned left)
{
	log_info("flush smarthost=%s connections=%u answered=%u reason=%s",
		 run->outbound.smarthost.name, left, loss->answered, loss->why.text);
	if (loss->is_half_answered)
		run_learn_no_pipelining(run);
	else if (loss->is_swallowed)
		run_learn_no_chunking(run);
	else if (!left && run->settled)
		run_learn_per_connection(run, loss->answered);
	run->settled = 0;
	run_relist(run);
}

/* No server could be had: was that a refusal, and of what? */
static bool was_refused(const struct run *run, const struct send_loss *loss,
			struct verdict *verdict_out)
{
	const struct verdict_known known = { .is_mx = run->judge.is_mx,
					     .has_login = run->judge.has_login,
					     .login_worked = run->judge.login_worked,
					     .times = run->judge.times };

	if (loss->failure)
		return refusal_of_dial(loss->failure, run->rules, &known, &run->memory,
				       verdict_out);
	*verdict_out = refusal_of_ourselves();
	return loss->why.kind == ERR_PERMANENT;
}

static void on_lost(void *ctx, const struct send_loss *loss, unsigned left)
{
	struct run *run = ctx;
	struct outbound *outbound = &run->outbound;
	struct verdict verdict;

	if (loss->is_any_uncertain)
		outbound_blame(outbound, &loss->why);
	if (left || may_go_on(run, loss)) {
		go_on(run, loss, left);
		return;
	}
	outbound_blame(outbound, &loss->why);
	if (!loss->was_connected && !run->pool.was_ready && !run_is_ending(run) &&
	    was_refused(run, loss, &verdict))
		run_stop_smarthost(run, &verdict, &loss->why);
	run->was_lost = true;
	transfer_leave(&run->transfer);
}

static void on_drained(void *ctx)
{
	run_drained(ctx);
}

const struct send_events run_events = {
	.limits = on_limits,
	.admit = on_admit,
	.result = run_on_result,
	.list_short = on_list_short,
	.ready = on_ready,
	.drained = on_drained,
	.lost = on_lost,
};
