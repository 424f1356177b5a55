/*
 * Policy: how far a refusal reaches.
 *
 * The verdict module reads the words of one answer. This file adds what one call sees.
 *
 * An answer about a recipient, a letter or a sender acts on just that, whatever others
 * are told. An answer about the place (relaying, a block list) at the first letter may
 * still be about that letter's destination alone: the letter waits, and the next one is
 * tried. The second such letter without an accepted one in between, or the end of the
 * queue without an accepted one, stops the smarthost. Once a letter was accepted, it is
 * the refused letter alone that waits for another place. Account, login and whatever else
 * concerns all mail stops the smarthost at the first answer, so that a provider that has
 * said "enough" is not asked again.
 *
 * A refusal in unclear words, before anything was accepted, is put aside until the queue
 * is empty: if different senders were refused with the same words the place is meant,
 * else the letter, and it is bounced. If very many are put aside before the queue is
 * empty, no single letter is meant: the senders' mail is stopped, and after each stop one
 * letter shows whether the reason has gone. In MX mode a host speaks for its own mail
 * only, so nothing is put aside.
 */
#include "send/judge.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define EVIDENCE_MAX  1000
#define PLACE_REFUSED 2 /* letters, without an accepted one, that mean all of them */

struct judge_evidence {
	char *sender;
	const char *rule; /* NULL: accepted */
	unsigned code;
	enum smtp_stage stage;
};

void judge_free(struct judge *judge)
{
	for (size_t i = 0; i < judge->evidence_count; i++)
		free(judge->evidence[i].sender);
	free(judge->evidence);
	judge->evidence = NULL;
	judge->evidence_count = 0;
}

static bool is_same(const struct judge_evidence *one, const struct judge_evidence *other)
{
	return (!one->rule) == (!other->rule) && one->code == other->code &&
	       one->stage == other->stage &&
	       (!one->rule || strcmp(one->rule, other->rule) == 0);
}

/* Of very many senders the first are enough to tell one from several. */
static void remember(struct judge *judge, const char *sender,
		     struct judge_evidence evidence)
{
	for (size_t i = 0; i < judge->evidence_count; i++)
		if (is_same(&judge->evidence[i], &evidence) &&
		    strcmp(judge->evidence[i].sender, sender) == 0)
			return;
	if (judge->evidence_count == EVIDENCE_MAX)
		return;
	evidence.sender = must_copy(sender);
	judge->evidence =
		must_resize(judge->evidence, judge->evidence_count + 1, sizeof(evidence));
	judge->evidence[judge->evidence_count++] = evidence;
}

static unsigned others_like(const struct judge *judge, const char *sender,
			    const struct judge_evidence *evidence)
{
	unsigned count = 0;

	for (size_t i = 0; i < judge->evidence_count; i++)
		count += is_same(&judge->evidence[i], evidence) &&
			 strcmp(judge->evidence[i].sender, sender) != 0;
	return count;
}

static bool was_sender_accepted(const struct judge *judge, const char *sender)
{
	for (size_t i = 0; i < judge->evidence_count; i++)
		if (!judge->evidence[i].rule &&
		    strcmp(judge->evidence[i].sender, sender) == 0)
			return true;
	return false;
}

static enum verdict_stage stage_of(enum smtp_stage stage)
{
	static const enum verdict_stage all[] = {
		[SMTP_AT_START] = VERDICT_AT_MAIL, [SMTP_AT_MAIL] = VERDICT_AT_MAIL,
		[SMTP_AT_RCPT] = VERDICT_AT_RCPT,  [SMTP_AT_DATA] = VERDICT_AT_DATA,
		[SMTP_AT_BODY] = VERDICT_AT_DOT,
	};

	return all[stage];
}

static unsigned recipients_accepted(const struct smtp_client_result *result)
{
	unsigned count = 0;

	for (size_t i = 0; i < result->count; i++)
		count += result->answers[i].verdict == SMTP_ACCEPTED ||
			 result->answers[i].stage > SMTP_AT_RCPT;
	return count;
}

/* QMTP knows no codes: D is for good, Z for now. */
static unsigned code_of(const struct smtp_client_answer *answer)
{
	if (answer->reply.code)
		return answer->reply.code;
	return answer->verdict == SMTP_PERMANENT ? 550 : 450;
}

/* The evidence is what the words alone mean: what the others were told decides what is
 * made of it, and must not hide it from those that are judged later. */
static struct verdict ask(struct judge *judge, const struct outgoing *message,
			  const struct smtp_client_result *result,
			  const struct smtp_client_answer *answer)
{
	const struct verdict_said said = { .stage = stage_of(answer->stage),
					   .code = code_of(answer),
					   .status = answer->reply.status,
					   .text = answer->reply.text };
	struct verdict_known known = {
		.sender = message->sender,
		.recipient = answer->stage == SMTP_AT_RCPT
				     ? message->recipients[answer - result->answers]
				     : NULL,
		.is_mx = judge->is_mx,
		.has_login = judge->has_login,
		.login_worked = judge->login_worked,
		.null_sender = !message->sender[0],
		.used_chunking = result->used_chunking,
		.used_pipelining = result->used_pipelining,
		.used_parameters = result->used_parameters,
		.accepted = judge->accepted,
		.sender_accepted = was_sender_accepted(judge, message->sender),
		.recipients_accepted = recipients_accepted(result),
		.times = judge->times,
	};
	struct verdict verdict = verdict_of(judge->rules, &said, &known);
	const struct judge_evidence evidence = { .rule = verdict.rule,
						 .code = answer->reply.code,
						 .stage = answer->stage };

	/* The words alone were unclear: which other senders were refused with them? */
	known.other_senders = others_like(judge, message->sender, &evidence);
	if (known.other_senders)
		verdict = verdict_of(judge->rules, &said, &known);
	remember(judge, message->sender, evidence);
	return verdict;
}

static enum judge_effect effect_of(const struct judge *judge,
				   const struct verdict *verdict, enum smtp_stage stage)
{
	switch (verdict->action) {
	case VERDICT_BOUNCE:
	case VERDICT_RETRY:
		return EFFECT_NONE;
	case VERDICT_SPLIT:
		return EFFECT_AGAIN;
	case VERDICT_RECONNECT:
		return EFFECT_RECONNECT;
	case VERDICT_DOWNGRADE:
		return EFFECT_PEER;
	case VERDICT_STOP:
	case VERDICT_SLOW:
		break;
	}
	if (verdict->scope == VERDICT_SENDER)
		return EFFECT_SENDER;
	if (verdict->scope == VERDICT_PLACE && stage > SMTP_AT_MAIL &&
	    (judge->accepted || judge->place_refused + 1 < PLACE_REFUSED))
		return EFFECT_LETTER;
	return EFFECT_STOP;
}

/* Takes one answer's verdict into the judgement. True: it is a bounce in unclear words.
 */
static bool add_verdict(const struct judge *judge, struct judgement *judgement,
			struct smtp_client_answer *answer, size_t place,
			const struct verdict *verdict)
{
	enum judge_effect effect = effect_of(judge, verdict, answer->stage);

	answer->verdict =
		verdict->action == VERDICT_BOUNCE ? SMTP_PERMANENT : SMTP_TEMPORARY;
	if (verdict->action == VERDICT_RETRY) {
		judgement->wait.is_attempt = true;
		if (verdict->wait_s > judgement->wait.not_before)
			judgement->wait.not_before = verdict->wait_s;
	}
	if (effect > judgement->effect || !judgement->verdict.rule) {
		judgement->effect = effect;
		judgement->verdict = *verdict;
		judgement->answer = place;
	}
	return verdict->action == VERDICT_BOUNCE && verdict->is_ambiguous;
}

static bool note_accepted(struct judge *judge, const struct outgoing *message,
			  const struct smtp_client_result *result)
{
	const struct judge_evidence accepted = { .rule = NULL };

	for (size_t i = 0; i < result->count; i++) {
		if (result->answers[i].verdict != SMTP_ACCEPTED)
			continue;
		judge->accepted++;
		judge->place_refused = 0;
		remember(judge, message->sender, accepted);
		return true;
	}
	return false;
}

static struct judgement judge_all(struct judge *judge, const struct outgoing *message,
				  struct smtp_client_result *result, bool may_suspend,
				  int64_t now)
{
	struct judgement judgement = { .effect = EFFECT_NONE };
	bool is_accepted = note_accepted(judge, message, result), is_unclear = false;

	for (size_t i = 0; i < result->count; i++) {
		struct smtp_client_answer *answer = &result->answers[i];
		struct verdict verdict;

		if (answer->unanswered || answer->verdict == SMTP_ACCEPTED)
			continue;
		/* The engine itself refused what the server cannot take. */
		if (answer->stage == SMTP_AT_START)
			continue;
		verdict = ask(judge, message, result, answer);
		is_unclear |= add_verdict(judge, &judgement, answer, i, &verdict);
	}
	if (judgement.effect == EFFECT_LETTER || judgement.effect == EFFECT_SENDER)
		judgement.wait.not_before = judgement.verdict.wait_s;
	if (judgement.effect == EFFECT_LETTER)
		judge->place_refused++;
	/* A mail host owes us nothing, and no provider speaks to it for us: what it
	 * does not take grows old, and goes back at last. */
	if (judge->is_mx && judgement.effect >= EFFECT_LETTER &&
	    judgement.effect != EFFECT_RECONNECT && judgement.effect != EFFECT_PEER)
		judgement.wait.is_attempt = true;
	if (judgement.wait.not_before)
		judgement.wait.not_before += now;
	judgement.is_suspended = may_suspend && is_unclear && !is_accepted &&
				 !judge->accepted && !judge->is_mx;
	return judgement;
}

struct judgement judge_result(struct judge *judge, const struct outgoing *message,
			      struct smtp_client_result *result, int64_t now)
{
	return judge_all(judge, message, result, true, now);
}

struct judgement judge_suspended(struct judge *judge, const struct outgoing *message,
				 struct smtp_client_result *result, int64_t now)
{
	return judge_all(judge, message, result, false, now);
}

struct judgement judge_unclear_sender(struct smtp_client_result *result)
{
	struct judgement judgement = {
		.effect = EFFECT_SENDER,
		.verdict = { .scope = VERDICT_SENDER,
			     .action = VERDICT_STOP,
			     .rule = "unclear-sender",
			     .what = "the server takes none of this sender's mail",
			     .mend = "Ask the provider why, or send it over another "
				     "smarthost (senderroutes)." }
	};

	for (size_t i = result->count; i-- > 0;) {
		if (result->answers[i].verdict != SMTP_PERMANENT)
			continue;
		result->answers[i].verdict = SMTP_TEMPORARY;
		judgement.answer = i;
	}
	return judgement;
}
