/*
 * Which message may be begun now. A stop of a sender or of one message holds it back, and
 * so does the smarthost's own rate; a message on which the server hung up waits until all
 * others are done.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "send/disposition.h"
#include "send/run_private.h"
#include "send/run_stops.h"

static bool holds_now(const struct run *run, const struct stop *stop)
{
	const struct stops_now now = run_stops_now(run);

	return stop_holds(stop, &now);
}

/* What is passed over for a while was due in this call, and still is when its turn comes:
 * its N= may be of an earlier stop, and lie hours ahead. So it becomes the beginning of
 * the call.
 *
 * A letter of a sender whose mail was refused shows whether it still is; until then, and
 * while the stop holds, the sender's other letters wait. Asked last, of a letter that is
 * sent if this allows it: another one would not show anything. */
static bool may_sender_send(struct run *run, const struct outgoing *message,
			    int64_t *not_before_out)
{
	const char *sender = message->envelope.sender;
	const struct stop *stop = stops_find(&run->outbound.stops, "sender", sender);

	if (!stop || message->name.freed)
		return true;
	if (holds_now(run, stop)) {
		*not_before_out = stop->until;
		return false;
	}
	*not_before_out = run->began;
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

	return stop && !message->name.freed && holds_now(run, stop);
}

/* A message that made the server hang up goes when all others are done. */
static bool is_suspect_now(struct run *run, const struct outgoing *message,
			   int64_t *not_before_out)
{
	if (run->is_suspects_turn ||
	    !stops_find(&run->outbound.stops, "suspect", message->name.id))
		return false;
	*not_before_out = run->began;
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

bool run_admit(void *ctx, struct outgoing *message)
{
	struct run *run = ctx;
	int64_t not_before = message->name.not_before;

	if (!is_place_the_same(run, message) &&
	    !is_suspect_now(run, message, &not_before) &&
	    may_sender_send(run, message, &not_before)) {
		if (!is_rate_spent(run))
			return true;
		stop_for_rate(run);
	}
	disposition_postpone(&run->outbound, message, not_before);
	return false;
}
