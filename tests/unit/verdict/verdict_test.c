/* What the rest of a call adds to a server's words. */
#include "rows.h"

static struct verdict_rules *rules;

static const struct verdict_said unknown_user = { .stage = VERDICT_AT_RCPT,
						  .code = 550,
						  .status = "5.1.1",
						  .text = "User unknown" };
static const struct verdict_said relay = { .stage = VERDICT_AT_RCPT,
					   .code = 554,
					   .status = "5.7.1",
					   .text = "Relay access denied" };
static const struct verdict_said unclear_dot = { .stage = VERDICT_AT_DOT,
						 .code = 554,
						 .status = "5.0.0",
						 .text = "Transaction failed" };
static const struct verdict_said unclear_rcpt = { .stage = VERDICT_AT_RCPT,
						  .code = 550,
						  .status = "",
						  .text = "Denied" };
static const struct verdict_said not_owned = {
	.stage = VERDICT_AT_MAIL,
	.code = 553,
	.status = "5.7.1",
	.text = "sender address rejected: not owned by auth user"
};
static const struct verdict_said names_sender = { .stage = VERDICT_AT_RCPT,
						  .code = 550,
						  .status = "5.7.1",
						  .text = "<root@box.example>: denied" };
static const struct verdict_said null_refused = { .stage = VERDICT_AT_MAIL,
						  .code = 501,
						  .status = "",
						  .text = "Syntax error in parameters" };
static const struct verdict_said quota = { .stage = VERDICT_AT_DOT,
					   .code = 550,
					   .status = "5.4.5",
					   .text = "Daily sending quota exceeded" };
static const struct verdict_said quota_told = {
	.stage = VERDICT_AT_MAIL,
	.code = 450,
	.status = "",
	.text = "Sending limit per hour reached, try again in 20 minutes"
};
static const struct verdict_said hourly = { .stage = VERDICT_AT_MAIL,
					    .code = 450,
					    .status = "",
					    .text = "Sending limit per hour reached" };
static const struct verdict_said password = { .stage = VERDICT_AT_AUTH,
					      .code = 535,
					      .status = "5.7.8",
					      .text = "Authentication failed" };
static const struct verdict_said bdat = { .stage = VERDICT_AT_DATA,
					  .code = 502,
					  .status = "5.5.1",
					  .text = "Command not implemented" };
static const struct verdict_said body_parameter = { .stage = VERDICT_AT_MAIL,
						    .code = 501,
						    .status = "5.5.4",
						    .text = "Unknown parameter BODY" };
static const struct verdict_said usage = { .stage = VERDICT_AT_MAIL,
					   .code = 501,
					   .status = "5.5.4",
					   .text = "Syntax: MAIL FROM:<address>" };
static const struct verdict_said syntax = { .stage = VERDICT_AT_MAIL,
					    .code = 501,
					    .status = "",
					    .text = "Syntax error in parameters" };
static const struct verdict_said body_chunk = { .stage = VERDICT_AT_DOT,
						.code = 503,
						.status = "",
						.text = "Bad sequence" };
static const struct verdict_said recipients = { .stage = VERDICT_AT_RCPT,
						.code = 552,
						.status = "",
						.text = "Too many recipients" };
static const struct verdict_said spam_later = { .stage = VERDICT_AT_DOT,
						.code = 451,
						.status = "4.7.1",
						.text = "This looks like spam" };
static const struct verdict_said portal = { .stage = VERDICT_AT_CONNECT,
					    .code = 0,
					    .status = "",
					    .text = "HTTP/1.1 302 Found" };
static const struct verdict_said greeting = { .stage = VERDICT_AT_CONNECT,
					      .code = 550,
					      .status = "",
					      .text = "No" };
static const struct verdict_said qmail = { .stage = VERDICT_AT_DOT,
					   .code = 554,
					   .status = "5.0.0",
					   .text = "qq says no (#5.3.4)" };

static const struct {
	const char *title;
	const struct verdict_said *said;
	struct verdict_known known;
	const char *outcome;
	uint32_t wait_s; /* 0: any */
} rows[] = {
	{ "an unknown recipient bounces alone",
	  &unknown_user,
	  { 0 },
	  "recipient bounce",
	  0 },
	{ "so it does though others are refused alike",
	  &unknown_user,
	  { .other_senders = 30 },
	  "recipient bounce",
	  0 },
	{ "and after a success",
	  &unknown_user,
	  { .accepted = 5 },
	  "recipient bounce",
	  0 },
	{ "relaying denied never bounces a lone letter",
	  &relay,
	  { 0 },
	  "place stop",
	  14400 },
	{ "nor one after a success",
	  &relay,
	  { .accepted = 9, .recipients_accepted = 1 },
	  "place stop",
	  14400 },
	{ "the recipient's own server cannot hold the office",
	  &relay,
	  { .is_mx = true },
	  "recipient bounce ?",
	  0 },
	{ "without a reason, alone: it bounces and is called unclear",
	  &unclear_dot,
	  { 0 },
	  "letter bounce ?",
	  0 },
	{ "without a reason, to two senders: the place",
	  &unclear_dot,
	  { .other_senders = 1 },
	  "place stop",
	  3600 },
	{ "the same after a success: the letter",
	  &unclear_dot,
	  { .other_senders = 1, .accepted = 1 },
	  "letter bounce ?",
	  0 },
	{ "without a reason at RCPT, to two senders: the place",
	  &unclear_rcpt,
	  { .other_senders = 1 },
	  "place stop",
	  3600 },
	{ "many letters of one sender prove nothing",
	  &unclear_rcpt,
	  { .other_senders = 0 },
	  "recipient bounce ?",
	  0 },
	{ "a sender that is not ours waits alone",
	  &not_owned,
	  { 0 },
	  "sender stop",
	  14400 },
	{ "two such senders wait each alone",
	  &not_owned,
	  { .other_senders = 1 },
	  "sender stop",
	  14400 },
	{ "three such senders, and nothing was taken: the place",
	  &not_owned,
	  { .other_senders = 2 },
	  "place stop",
	  3600 },
	{ "three such senders, and others were taken: the senders",
	  &not_owned,
	  { .other_senders = 2, .accepted = 1 },
	  "sender stop",
	  14400 },
	{ "a reply at RCPT that names the sender is about the sender",
	  &names_sender,
	  { .sender = "Root@box.example", .recipient = "you@far.example" },
	  "sender stop",
	  14400 },
	{ "one that names the recipient is not",
	  &names_sender,
	  { .sender = "ann@far.example", .recipient = "root@box.example" },
	  "recipient bounce ?",
	  0 },
	{ "the null sender is a sender",
	  &null_refused,
	  { .null_sender = true },
	  "sender stop",
	  14400 },
	{ "a spent quota waits", &quota, { 0 }, "account stop", 14400 },
	{ "a quota that is spent again waits longer",
	  &quota,
	  { .times = 1 },
	  "account stop",
	  28800 },
	{ "but a day at most", &quota, { .times = 40 }, "account stop", 86400 },
	{ "an hour for an hourly quota", &hourly, { 0 }, "account stop", 3600 },
	{ "then two, four", &hourly, { .times = 2 }, "account stop", 14400 },
	{ "as told, if the server tells a time",
	  &quota_told,
	  { .times = 3 },
	  "account stop",
	  1200 },
	{ "a login is tried after a quarter of an hour",
	  &password,
	  { .login_worked = true },
	  "login stop",
	  900 },
	{ "then after an hour",
	  &password,
	  { .login_worked = true, .times = 1 },
	  "login stop",
	  3600 },
	{ "then after four", &password, { .times = 2 }, "login stop", 14400 },
	{ "and not less often", &password, { .times = 9 }, "login stop", 14400 },
	{ "BDAT refused as a command: DATA instead",
	  &bdat,
	  { .used_chunking = true },
	  "peer downgrade",
	  0 },
	{ "a parameter of ours refused: without it",
	  &body_parameter,
	  { .used_parameters = true },
	  "peer downgrade",
	  0 },
	{ "a parameter that the server's usage does not name: without it",
	  &usage,
	  { .used_parameters = true },
	  "peer downgrade",
	  0 },
	{ "a syntax error where we used a parameter: without it",
	  &syntax,
	  { .used_parameters = true },
	  "peer downgrade",
	  0 },
	{ "a syntax error without one: the sender", &syntax, { 0 }, "sender stop", 0 },
	{ "the last chunk refused as a command: DATA instead",
	  &body_chunk,
	  { .used_chunking = true },
	  "peer downgrade",
	  0 },
	{ "too many recipients after some: the others next",
	  &recipients,
	  { .recipients_accepted = 10 },
	  "session split",
	  0 },
	{ "too many recipients at the first: slower",
	  &recipients,
	  { 0 },
	  "session slow",
	  900 },
	{ "a 4xx never bounces", &spam_later, { 0 }, "letter retry", 0 },
	{ "what is no SMTP never bounces", &portal, { 0 }, "network stop", 3600 },
	{ "a greeting refused is the place's", &greeting, { 0 }, "place stop", 14400 },
	{ "a status behind the words", &qmail, { 0 }, "letter bounce", 0 },
};

static void check_row(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct verdict verdict = verdict_of(rules, rows[row].said, &rows[row].known);
	char got[64];

	print_message("%s\n", verdict.rule);
	assert_string_equal(rows_outcome(&verdict, got, sizeof(got)), rows[row].outcome);
	if (rows[row].wait_s)
		assert_int_equal(verdict.wait_s, rows[row].wait_s);
}

static void every_scope_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= VERDICT_NETWORK; i++)
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(
				verdict_scope_name((enum verdict_scope)i),
				verdict_scope_name((enum verdict_scope)j));
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = {
		cmocka_unit_test(every_scope_has_a_name_of_its_own),
	};
	int failed;

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[1 + i] =
			(struct CMUnitTest){ .name = rows[i].title,
					     .test_func = check_row,
					     .initial_state = (void *)(uintptr_t)i };
	rules = rows_rules("");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	verdict_rules_free(rules);
	return failed;
}
