/*
 * What follows from what the server answers.
 *
 * An answer is judged (judge.h) and acted on in its scope alone. What was learnt of the
 * server is remembered for weeks (link/peer_memory.h); what keeps mail back is recorded
 * as a stop (link/stops.h), which ends by itself.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "send/delivery_log.h"
#include "send/disposition.h"
#include "send/run_learning.h"
#include "send/run_private.h"
#include "send/run_stops.h"

#define AGAIN_MAX     100 /* messages begun again in one run, for the server's sake */
#define UNCLEAR_MAX   3
#define SUSPENDED_MAX 100

/* "HOST refuses: 550 5.7.1 ..." */
static void explain(const struct run *run, const struct smtp_client_answer *answer,
		    struct err *why_out)
{
	char reply[DELIVERY_REPLY_MAX];

	err_permanent(why_out, answer->reply.status, "%s refuses: %s",
		      run->outbound.smarthost.host, delivery_log_reply(answer, reply));
}

/* The server took it: whatever was held against it has ended. */
static void on_accepted(struct run *run, const struct outgoing *message)
{
	struct stops *stops = &run->outbound.stops;

	run->settled++;
	run->was_slowed = false;
	run_end_feeling(run);
	stops_remove(stops, "sender", message->envelope.sender);
	stops_remove(stops, "suspect", message->name.id);
	stops_remove(stops, "place", message->name.id);
	stops_remove(stops, "unclear", message->name.id);
}

void run_judge_place(struct run *run)
{
	if (run->judge.place_refused && !run->judge.accepted && !run->outbound.job)
		run_stop_smarthost(run, &run->place, &run->place_why);
}

/* The server does not take mail without a sender. Only the postmaster can be told, by the
 * message as a bounce of a bounce. */
static void give_up_null_sender(struct run *run, struct smtp_client_result *result,
				struct judgement *judgement)
{
	run->settled++;
	run->refused++;
	for (size_t i = 0; i < result->count; i++)
		if (result->answers[i].verdict == SMTP_TEMPORARY)
			result->answers[i].verdict = SMTP_PERMANENT;
	judgement->effect = EFFECT_NONE;
}

/* The server ends the session. If this connection settled something, its end was meant
 * and not the message, which is no attempt then; but a body that was sent and answered is
 * one. Messages that were under way when the server said so are answered alike. */
static void reconnect(struct run *run, struct judgement *judgement, enum smtp_stage stage,
		      const struct err *why)
{
	if (stage == SMTP_AT_BODY || (!run->settled && !run->is_renewing))
		judgement->wait.is_attempt = true;
	if (run->is_renewing)
		return;
	if (run_is_fruitless(run)) {
		run_stop_smarthost(run, &judgement->verdict, why);
		return;
	}
	if (stage != SMTP_AT_BODY)
		run_learn_from_end(run, run->settled);
	pool_renew(&run->pool);
	run->is_renewing = true;
}

/* "Too many messages", "too fast", "not now": another message over a new connection shows
 * whether the one before it was meant. Two in a row that nothing was taken between are
 * the server's last word. */
static void slow_down(struct run *run, struct judgement *judgement, const struct err *why)
{
	if (run->is_renewing) {
		judgement->effect = EFFECT_RECONNECT;
	} else if (run->settled || !run->was_slowed) {
		judgement->wait.is_attempt = !run->settled;
		judgement->effect = EFFECT_RECONNECT;
		run_begin_feeling(run);
		run->was_slowed = true;
		run->is_renewing = true;
		pool_renew(&run->pool);
	} else {
		run_stop_smarthost(run, &judgement->verdict, why);
	}
}

/* Does what the judgement asks for beside the message itself. */
static void take_effect(struct run *run, const struct outgoing *message,
			struct smtp_client_result *result, struct judgement *judgement)
{
	const struct smtp_client_answer *answer = &result->answers[judgement->answer];
	struct err why = { 0 };

	if (judgement->effect == EFFECT_NONE)
		return;
	explain(run, answer, &why);
	switch (judgement->effect) {
	case EFFECT_NONE:
		break;
	case EFFECT_AGAIN:
		judgement->wait.is_attempt |= !run_learn_recipients(run, result);
		break;
	case EFFECT_LETTER:
		run_put_stop(run, &judgement->verdict, "place", message->name.id, &why);
		run->place = judgement->verdict;
		run->place_why = why;
		break;
	case EFFECT_SENDER:
		if (message->sender[0])
			run_put_stop(run, &judgement->verdict, "sender",
				     message->envelope.sender, &why);
		else
			give_up_null_sender(run, result, judgement);
		break;
	case EFFECT_RECONNECT:
		reconnect(run, judgement, answer->stage, &why);
		break;
	case EFFECT_PEER:
		if (!run_downgrade(run, result, judgement->answer))
			run_stop_smarthost(run, &judgement->verdict, &why);
		break;
	case EFFECT_STOP:
		if (judgement->verdict.action != VERDICT_SLOW)
			run_stop_smarthost(run, &judgement->verdict, &why);
		else
			slow_down(run, judgement, &why);
		break;
	}
}

static void act(struct run *run, struct outgoing *message,
		struct smtp_client_result *result, struct judgement *judgement)
{
	bool is_accepted = false, has_more;

	for (size_t i = 0; i < result->count; i++) {
		is_accepted |= result->answers[i].verdict == SMTP_ACCEPTED;
		run->refused += result->answers[i].verdict == SMTP_PERMANENT;
		run->settled += result->answers[i].verdict == SMTP_PERMANENT;
	}
	take_effect(run, message, result, judgement);
	if (is_accepted)
		on_accepted(run, message);
	has_more = disposition_settle(&run->outbound, message, result, &judgement->wait);
	if (has_more || judgement->effect == EFFECT_AGAIN ||
	    judgement->effect == EFFECT_RECONNECT || judgement->effect == EFFECT_PEER)
		run_relist(run);
}

static bool has_unanswered(const struct smtp_client_result *result)
{
	for (size_t i = 0; i < result->count; i++)
		if (result->answers[i].unanswered)
			return true;
	return false;
}

static void keep_with_sender(struct run *run, struct outgoing *message,
			     struct smtp_client_result *result)
{
	struct judgement judgement = judge_unclear_sender(result);

	act(run, message, result, &judgement);
}

/* Its file stays open meanwhile, so there is a bound. */
static void suspend(struct run *run, struct outgoing *message,
		    struct smtp_client_result *result)
{
	if (run_was_stop_put(run, "sender", message->envelope.sender)) {
		keep_with_sender(run, message, result);
		return;
	}
	run_put_aside(run, message, result);
	if (run->suspended_count < SUSPENDED_MAX)
		return;
	while (run->suspended) {
		message = run_take_suspended(run, &result);
		keep_with_sender(run, message, result);
	}
}

/* What was put aside is decided before the first accepted message is forgotten. */
void run_settle_suspended(struct run *run, bool decide)
{
	while (run->suspended) {
		struct judgement judgement = { .effect = EFFECT_NONE };
		struct smtp_client_result *result;
		struct outgoing *message = run_take_suspended(run, &result);

		if (decide && has_unanswered(result))
			run_relist(run);
		if (decide)
			judgement = judge_suspended(&run->judge, message, result,
						    clock_wall_s());
		else
			for (size_t i = 0; i < result->count; i++)
				if (result->answers[i].verdict == SMTP_PERMANENT)
					result->answers[i].verdict = SMTP_TEMPORARY;
		act(run, message, result, &judgement);
	}
}

/* The same unclear end three times, although the server answered: it may have taken the
 * message each time, so a person decides. */
static bool is_unclear_too_often(struct run *run, const struct outgoing *message)
{
	struct stops *stops = &run->outbound.stops;
	struct stop stop = { .scope = "unclear", .since = clock_wall_s() };

	snprintf(stop.key, sizeof(stop.key), "%s", message->name.id);
	stops_put(stops, &stop);
	return stops_find(stops, "unclear", message->name.id)->times >= UNCLEAR_MAX;
}

static void hold_unclear(struct run *run, struct outgoing *message,
			 struct smtp_client_result *result)
{
	struct outbound *outbound = &run->outbound;
	const struct disposition_wait wait = { .is_held = true };
	char reply[DELIVERY_REPLY_MAX];
	struct err why = { 0 };

	err_permanent(&why, "",
		      "%s answers in a way that does not tell whether it took the "
		      "message: %s",
		      outbound->smarthost.host,
		      delivery_log_reply(&result->answers[0], reply));
	disposition_record_held(outbound, message->name.id,
				"the server's answers are unclear", &why);
	(void)disposition_settle(outbound, message, result, &wait);
}

/* It made the server hang up. */
static void suspect(struct run *run, const struct outgoing *message)
{
	struct stop stop = { .scope = "suspect", .since = clock_wall_s() };

	snprintf(stop.key, sizeof(stop.key), "%s", message->name.id);
	snprintf(stop.what, sizeof(stop.what), "the server hung up on it");
	stops_put(&run->outbound.stops, &stop);
}

/* The words that qmail's tools know, for the recipients that have no answer. */
static void word_unanswered(struct smtp_client_result *result, enum send_end end)
{
	for (size_t i = 0; i < result->count; i++) {
		struct smtp_client_reply *reply = &result->answers[i].reply;

		if (result->answers[i].unanswered && !reply->code)
			snprintf(reply->text, sizeof(reply->text),
				 "Connected but connection died.%s",
				 end == SEND_UNCERTAIN ? " Possible duplicate!" : "");
	}
}

/* The connection ended before all recipients had their answers. Those that were heard
 * count; the others wait, or are uncertain. */
static void on_cut_short(struct run *run, struct outgoing *message,
			 struct smtp_client_result *result, enum send_end end)
{
	struct judgement judgement =
		judge_result(&run->judge, message, result, clock_wall_s());

	word_unanswered(result, end);
	judgement.wait.is_uncertain = end == SEND_UNCERTAIN;
	/* A second time in one call: others had their turn meanwhile. */
	judgement.wait.is_attempt |= result->in_hand && run->is_suspects_turn;
	if (result->in_hand)
		suspect(run, message);
	if (end == SEND_UNCERTAIN && result->unclear &&
	    is_unclear_too_often(run, message))
		hold_unclear(run, message, result);
	else if (end == SEND_UNSENT && judgement.is_suspended)
		suspend(run, message, result);
	else
		act(run, message, result, &judgement);
}

static bool is_any_taken(const struct smtp_client_result *result)
{
	for (size_t i = 0; i < result->count; i++)
		if (result->answers[i].verdict == SMTP_ACCEPTED)
			return true;
	return false;
}

void run_on_result(void *ctx, struct outgoing *message, struct smtp_client_result *result,
		   enum send_end end)
{
	struct run *run = ctx;
	const struct disposition_wait none = { .is_attempt = false };
	struct judgement judgement;

	if (end == SEND_UNSENT && message->encoded && !message->written)
		run->cut_bytes += message->encoded;

	if (end != SEND_ANSWERED && has_unanswered(result)) {
		on_cut_short(run, message, result, end);
		return;
	}
	if (result->again && run->begun_again++ < AGAIN_MAX) {
		(void)disposition_settle(&run->outbound, message, result, &none);
		run_relist(run);
		return;
	}
	run_learn_offers(run, result);
	judgement = judge_result(&run->judge, message, result, clock_wall_s());
	run->was_last_taken = is_any_taken(result);
	if (judgement.is_suspended) {
		suspend(run, message, result);
		return;
	}
	act(run, message, result, &judgement);
	if (run->judge.accepted)
		run_settle_suspended(run, true);
}
