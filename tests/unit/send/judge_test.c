#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "send/judge.h"

#define NOW INT64_C(1795611900)

static struct verdict_rules *rules;

static int load_rules(void **state)
{
	(void)state;
	rules = verdict_rules_shipped();
	return 0;
}

static int free_rules(void **state)
{
	(void)state;
	verdict_rules_free(rules);
	return 0;
}

/* One letter and what the server answered to its one recipient. */
struct letter {
	const char *sender;
	enum smtp_stage stage;
	unsigned code;
	const char *status;
	const char *text;
};

#define TAKEN(sender)                                          \
	{                                                      \
		(sender), SMTP_AT_BODY, 250, "2.0.0", "queued" \
	}

#define LETTERS_MAX 4

static const struct call {
	const char *title;
	bool is_mx;
	struct letter letters[LETTERS_MAX];
	/* What follows from the last letter. */
	enum judge_effect effect;
	enum smtp_verdict recipient;
	bool is_suspended;
	bool is_attempt;
} calls[] = {
	{ "an unknown recipient bounces, alone",
	  false,
	  { { "a@x", SMTP_AT_RCPT, 550, "5.1.1", "User unknown" } },
	  EFFECT_NONE,
	  SMTP_PERMANENT,
	  false,
	  false },
	{ "two unknown recipients stop nothing",
	  false,
	  { { "a@x", SMTP_AT_RCPT, 550, "5.1.1", "User unknown" },
	    { "b@x", SMTP_AT_RCPT, 550, "5.1.1", "User unknown" } },
	  EFFECT_NONE,
	  SMTP_PERMANENT,
	  false,
	  false },
	{ "a recipient who is told to wait waits, and that was an attempt",
	  false,
	  { { "a@x", SMTP_AT_RCPT, 450, "4.2.0", "Mailbox busy" } },
	  EFFECT_NONE,
	  SMTP_TEMPORARY,
	  false,
	  true },
	{ "a refused relay keeps the letter, and the next is tried",
	  false,
	  { { "a@x", SMTP_AT_RCPT, 554, "5.7.1", "Relay access denied" } },
	  EFFECT_LETTER,
	  SMTP_TEMPORARY,
	  false,
	  false },
	{ "the second refused relay stops the smarthost",
	  false,
	  { { "a@x", SMTP_AT_RCPT, 554, "5.7.1", "Relay access denied" },
	    { "b@x", SMTP_AT_RCPT, 554, "5.7.1", "Relay access denied" } },
	  EFFECT_STOP,
	  SMTP_TEMPORARY,
	  false,
	  false },
	{ "a refused relay after a letter was taken keeps that letter alone",
	  false,
	  { TAKEN("a@x"),
	    { "b@x", SMTP_AT_RCPT, 554, "5.7.1", "Relay access denied" },
	    { "c@x", SMTP_AT_RCPT, 554, "5.7.1", "Relay access denied" } },
	  EFFECT_LETTER,
	  SMTP_TEMPORARY,
	  false,
	  false },
	{ "a block list at MAIL stops the smarthost at once",
	  false,
	  { { "a@x", SMTP_AT_MAIL, 554, "5.7.1", "blocked using zen.spamhaus.org" } },
	  EFFECT_STOP,
	  SMTP_TEMPORARY,
	  false,
	  false },
	{ "a spent quota stops the smarthost, also after a success",
	  false,
	  { TAKEN("a@x"),
	    { "a@x", SMTP_AT_BODY, 550, "5.4.5", "Daily user sending limit exceeded" } },
	  EFFECT_STOP,
	  SMTP_TEMPORARY,
	  false,
	  false },
	{ "a sender who may not send is held alone",
	  false,
	  { { "cron@x", SMTP_AT_MAIL, 553, "5.7.1",
	      "sender address rejected: not owned by auth user" } },
	  EFFECT_SENDER,
	  SMTP_TEMPORARY,
	  false,
	  false },
	{ "unclear words alone are put aside",
	  false,
	  { { "a@x", SMTP_AT_BODY, 554, "", "Transaction failed" } },
	  EFFECT_NONE,
	  SMTP_PERMANENT,
	  true,
	  false },
	{ "unclear words after a letter was taken bounce",
	  false,
	  { TAKEN("b@x"), { "a@x", SMTP_AT_BODY, 554, "", "Transaction failed" } },
	  EFFECT_NONE,
	  SMTP_PERMANENT,
	  false,
	  false },
	{ "unclear words to a second sender are the place's",
	  false,
	  { { "a@x", SMTP_AT_BODY, 554, "", "Transaction failed" },
	    { "b@x", SMTP_AT_BODY, 554, "", "Transaction failed" } },
	  EFFECT_LETTER,
	  SMTP_TEMPORARY,
	  false,
	  false },
	{ "unclear words to the first sender once more stay the place's",
	  false,
	  { { "a@x", SMTP_AT_BODY, 554, "", "Transaction failed" },
	    { "b@x", SMTP_AT_BODY, 554, "", "Transaction failed" },
	    { "a@x", SMTP_AT_BODY, 554, "", "Transaction failed" } },
	  EFFECT_STOP,
	  SMTP_TEMPORARY,
	  false,
	  false },
	{ "unclear words of a mail host bounce at once",
	  true,
	  { { "a@x", SMTP_AT_BODY, 554, "", "Transaction failed" } },
	  EFFECT_NONE,
	  SMTP_PERMANENT,
	  false,
	  false },
	{ "too many messages in a session want a new one",
	  false,
	  { TAKEN("a@x"),
	    { "a@x", SMTP_AT_MAIL, 452, "4.4.5", "too many messages in this session" } },
	  EFFECT_RECONNECT,
	  SMTP_TEMPORARY,
	  false,
	  false },
	{ "BDAT that is no command is done without",
	  false,
	  { { "a@x", SMTP_AT_DATA, 502, "5.5.1", "command not implemented" } },
	  EFFECT_PEER,
	  SMTP_TEMPORARY,
	  false,
	  false },
};

static struct judgement judge_letter(struct judge *judge, const struct letter *letter,
				     enum smtp_verdict *verdict_out)
{
	struct smtp_client_answer answer = { .verdict = letter->code < 300
								? SMTP_ACCEPTED
								: SMTP_PERMANENT,
					     .stage = letter->stage,
					     .reply = { .code = letter->code } };
	struct smtp_client_result result = { .count = 1,
					     .answers = &answer,
					     .used_chunking = true,
					     .used_pipelining = true };
	struct outgoing message = { .sender = must_copy(letter->sender), .count = 1 };
	struct judgement judgement;

	snprintf(answer.reply.status, sizeof(answer.reply.status), "%s", letter->status);
	snprintf(answer.reply.text, sizeof(answer.reply.text), "%s", letter->text);
	judgement = judge_result(judge, &message, &result, NOW);
	*verdict_out = answer.verdict;
	free(message.sender);
	return judgement;
}

static void one_call(void **state)
{
	const struct call *call = &calls[(size_t)(uintptr_t)*state];
	struct judge judge = { .rules = rules, .is_mx = call->is_mx };
	struct judgement judgement = { .effect = EFFECT_NONE };
	enum smtp_verdict verdict = SMTP_ACCEPTED;

	for (size_t i = 0; i < LETTERS_MAX && call->letters[i].sender; i++)
		judgement = judge_letter(&judge, &call->letters[i], &verdict);
	assert_int_equal(judgement.effect, call->effect);
	assert_int_equal(verdict, call->recipient);
	assert_int_equal(judgement.is_suspended, call->is_suspended);
	assert_int_equal(judgement.wait.is_attempt, call->is_attempt);
	judge_free(&judge);
}

/* One recipient is unknown, one is one too many, one was taken. */
static void each_recipient_has_its_own_verdict(void **state)
{
	struct smtp_client_answer answers[] = {
		{ SMTP_ACCEPTED, SMTP_AT_BODY, false, { .code = 250 } },
		{ SMTP_PERMANENT,
		  SMTP_AT_RCPT,
		  false,
		  { .code = 550, .status = "5.1.1", .text = "User unknown" } },
		{ SMTP_TEMPORARY,
		  SMTP_AT_RCPT,
		  false,
		  { .code = 452, .status = "4.5.3", .text = "Too many recipients" } },
	};
	struct smtp_client_result result = { .count = LENGTH(answers),
					     .answers = answers };
	char sender[] = "a@x";
	struct outgoing message = { .sender = sender, .count = LENGTH(answers) };
	struct judge judge = { .rules = rules };
	struct judgement judgement = judge_result(&judge, &message, &result, NOW);

	(void)state;
	assert_int_equal(answers[0].verdict, SMTP_ACCEPTED);
	assert_int_equal(answers[1].verdict, SMTP_PERMANENT);
	assert_int_equal(answers[2].verdict, SMTP_TEMPORARY);
	assert_int_equal(judgement.effect, EFFECT_AGAIN);
	assert_false(judgement.wait.is_attempt);
	assert_int_equal(judgement.wait.not_before, 0);
	judge_free(&judge);
}

static void what_the_server_did_not_answer_is_not_judged(void **state)
{
	struct smtp_client_answer answer = { .verdict = SMTP_TEMPORARY,
					     .stage = SMTP_AT_BODY,
					     .unanswered = true };
	struct smtp_client_result result = { .count = 1, .answers = &answer };
	char sender[] = "a@x";
	struct outgoing message = { .sender = sender, .count = 1 };
	struct judge judge = { .rules = rules };
	struct judgement judgement = judge_result(&judge, &message, &result, NOW);

	(void)state;
	assert_int_equal(judgement.effect, EFFECT_NONE);
	assert_int_equal(answer.verdict, SMTP_TEMPORARY);
	assert_false(judgement.wait.is_attempt);
	judge_free(&judge);
}

/* The first of several senders is judged at the end as those after it were. */
static void unclear_words_to_several_senders_bounce_none_of_them(void **state)
{
	static const struct letter others[] = {
		{ "b@x", SMTP_AT_BODY, 554, "", "Transaction failed" },
		{ "c@x", SMTP_AT_BODY, 554, "", "Transaction failed" },
	};
	struct smtp_client_answer answer = { .verdict = SMTP_PERMANENT,
					     .stage = SMTP_AT_BODY,
					     .reply = { .code = 554,
							.text = "Transaction failed" } };
	struct smtp_client_result result = { .count = 1, .answers = &answer };
	char sender[] = "a@x";
	struct outgoing message = { .sender = sender, .count = 1 };
	struct judge judge = { .rules = rules };
	enum smtp_verdict verdict;

	(void)state;
	assert_true(judge_result(&judge, &message, &result, NOW).is_suspended);
	for (size_t i = 0; i < LENGTH(others); i++) {
		struct judgement ignored = judge_letter(&judge, &others[i], &verdict);

		(void)ignored;
		assert_int_equal(verdict, SMTP_TEMPORARY);
	}
	answer.verdict = SMTP_PERMANENT;
	assert_true(judge_suspended(&judge, &message, &result, NOW).effect >=
		    EFFECT_LETTER);
	assert_int_equal(answer.verdict, SMTP_TEMPORARY);
	judge_free(&judge);
}

static void very_many_unclear_refusals_stop_the_sender_and_bounce_nothing(void **state)
{
	struct smtp_client_answer answers[] = {
		{ .verdict = SMTP_TEMPORARY, .unanswered = true },
		{ .verdict = SMTP_PERMANENT, .stage = SMTP_AT_RCPT },
		{ .verdict = SMTP_PERMANENT, .stage = SMTP_AT_RCPT },
	};
	struct smtp_client_result result = { .count = LENGTH(answers),
					     .answers = answers };
	struct judgement judgement = judge_unclear_sender(&result);

	(void)state;
	assert_int_equal(judgement.effect, EFFECT_SENDER);
	assert_int_equal(judgement.answer, 1);
	for (size_t i = 0; i < LENGTH(answers); i++)
		assert_int_equal(answers[i].verdict, SMTP_TEMPORARY);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(calls) + 4] = { 0 };

	for (size_t i = 0; i < LENGTH(calls); i++)
		tests[i] = (struct CMUnitTest){ .name = calls[i].title,
						.test_func = one_call,
						.initial_state = (void *)(uintptr_t)i };
	tests[LENGTH(calls)] =
		(struct CMUnitTest)cmocka_unit_test(each_recipient_has_its_own_verdict);
	tests[LENGTH(calls) + 1] = (struct CMUnitTest)cmocka_unit_test(
		what_the_server_did_not_answer_is_not_judged);
	tests[LENGTH(calls) + 2] = (struct CMUnitTest)cmocka_unit_test(
		unclear_words_to_several_senders_bounce_none_of_them);
	tests[LENGTH(calls) + 3] = (struct CMUnitTest)cmocka_unit_test(
		very_many_unclear_refusals_stop_the_sender_and_bounce_nothing);
	return cmocka_run_group_tests_name("how far a refusal reaches", tests, load_rules,
					   free_rules);
}
