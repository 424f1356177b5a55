/* The format of control/replies, and the table that is shipped. */
#include "rows.h"

#include <sysexits.h>

#define WHAT_MAX 64 /* as struct stop holds them */
#define MEND_MAX 300

static const struct {
	const char *title;
	const char *text;
	const char *why;
} wrong[] = {
	{ "an unknown word", "rule a\nsayd x\n", "control/replies:2: write rule, at" },
	{ "no rule has begun", "# x\n\nsaid x\n",
	  "control/replies:3: no rule has begun" },
	{ "a rule without an outcome", "rule a\nsaid x\n",
	  "control/replies:1: the rule has no \"then\"" },
	{ "a rule without an outcome, and another", "rule a\nsaid x\nrule b\n",
	  "control/replies:3: the rule before" },
	{ "no name", "rule\n", "control/replies:1: there is nothing" },
	{ "no such name", "rule A B\n", "control/replies:1: a rule's name" },
	{ "no stage", "rule a\nat body\n", "control/replies:2: write connect" },
	{ "no code", "rule a\ncode 250\n", "control/replies:2: write codes as" },
	{ "no code of three digits", "rule a\ncode 55\n",
	  "control/replies:2: write codes" },
	{ "no status", "rule a\nstatus 5.a.1\n", "control/replies:2: write statuses" },
	{ "too long a status", "rule a\nstatus 5.1.1.1\n",
	  "control/replies:2: write stat" },
	{ "no server", "rule a\nserver isp\n", "control/replies:2: write smarthost" },
	{ "no fact", "rule a\nif tired\n", "control/replies:2: write null-sender" },
	{ "no scope", "rule a\nthen office stop\n",
	  "control/replies:2: behind \"then\"" },
	{ "no action", "rule a\nthen place go\n", "control/replies:2: behind the scope" },
	{ "a place does not bounce", "rule a\nthen place bounce\n",
	  "control/replies:2: this is not done" },
	{ "a recipient does not stop", "rule a\nthen recipient stop\n",
	  "control/replies:2: this is not done" },
	{ "no time", "rule a\nthen place stop soon\n", "control/replies:2: at the end" },
	{ "no words", "rule a\nsaid ...\n", "control/replies:2: \"*\"" },
	{ "a gap at the end", "rule a\nsaid x *\n", "control/replies:2: \"*\"" },
	{ "two gaps", "rule a\nsaid x & ... y\n", "control/replies:2: \"*\"" },
	{ "a star in a word", "rule a\nsaid x*y\n", "control/replies:2: a \"*\"" },
	{ "signs only", "rule a\nsaid !\n", "control/replies:2: signs" },
	{ "no set", "rule a\nsaid {colours}\n", "control/replies:2: there is no such" },
	{ "a set in a set", "set a {refused}\n", "control/replies:1: the phrases" },
	{ "a gap in a set", "set a x * y\n", "control/replies:1: the phrases" },
	{ "a set without words", "set a\n", "control/replies:1: there are no words" },
	{ "said behind unsaid", "rule a\nsaid x\nunsaid y\nsaid z\n",
	  "control/replies:4: the \"said\"" },
	{ "no time in told", "told again\n", "control/replies:1: a \"told\"" },
};

static void check_wrong(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct verdict_rules *rules;
	struct err err = { 0 };

	assert_false(verdict_rules_parse(span_of(wrong[row].text), &rules, &err));
	assert_null(rules);
	assert_int_equal(err_exit_code(&err), EX_CONFIG);
	if (strncmp(err.text, wrong[row].why, strlen(wrong[row].why)) != 0)
		fail_msg("%s", err.text);
}

/* What one rule of the operator makes of "550 5.7.1 Go away" at RCPT, or of `reply`. */
static const struct {
	const char *title;
	const char *rule;
	const char *reply;
	bool matches;
} matching[] = {
	{ "no condition", "", "x", true },
	{ "its stage", "at mail rcpt", "x", true },
	{ "another stage", "at mail", "x", false },
	{ "its code", "code 4xx 550", "x", true },
	{ "its class", "code 5xx", "x", true },
	{ "one of its codes", "code 421 55x", "x", true },
	{ "another code", "code 551", "x", false },
	{ "its status", "status 5.7.1", "x", true },
	{ "its subject", "status 5.7", "x", true },
	{ "any class", "status x.7.1", "x", true },
	{ "another status", "status 5.7.10", "x", false },
	{ "its server", "server smarthost", "x", true },
	{ "another server", "server mx", "x", false },
	{ "a fact", "if accepted", "x", true },
	{ "a fact that is none", "if accepted chunking", "x", false },
	{ "no such fact", "unless chunking", "x", true },
	{ "a fact that must not be", "unless chunking accepted", "x", false },
	{ "a word", "said away", "Go AWAY!", true },
	{ "not a part of a word", "said way", "Go away", false },
	{ "the end of a word", "said *way", "Go away", true },
	{ "the beginning of a word", "said aw*", "Go away", true },
	{ "the middle of a word", "said *wa*", "Go away", true },
	{ "words in a row", "said go away", "please go away now", true },
	{ "words in another row", "said away go", "go away", false },
	{ "up to four words between", "said a ... f", "a b c d e f", true },
	{ "five words between", "said a ... g", "a b c d e f g", false },
	{ "any number of words between", "said a * g", "a b c d e f g", true },
	{ "both, anywhere", "said g & a", "a b c d e f g", true },
	{ "one of both", "said g & h", "a b c d e f g", false },
	{ "one of several lines", "said h\nsaid g", "a b c d e f g", true },
	{ "no word that must not be", "said g\nunsaid h", "f g", true },
	{ "a word that must not be", "said g\nunsaid h\nunsaid f", "f g", false },
	{ "an address", "said to <address>", "to <a@b.example>", true },
	{ "a network address", "said from <ip>", "from [192.0.2.1]", true },
	{ "a number", "said <number> mails", "200 mails", true },
	{ "a certain number", "said 200 mails", "201 mails", false },
	{ "a time", "said in <time> again", "in 5 minutes again", true },
	{ "a link", "said /quota", "see https://x.example/quota", true },
	{ "a word of a link is no word", "said quota", "see https://x.example/quota",
	  false },
	{ "a set", "said {refused}", "we do not allow it", true },
	{ "a set and a word behind", "said {refused} it", "we do not allow it", true },
	{ "a set of our own", "set colour red | dark blue\nsaid a {colour} car",
	  "a dark blue car", true },
	{ "more words for a set", "set refused puh\nsaid {refused}", "Puh!", true },
	{ "words of the server's own spelling", "said SendAsDenied", "SendAsDenied",
	  true },
};

static void check_matching(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct verdict_said said = { .stage = VERDICT_AT_RCPT,
				     .code = 550,
				     .status = "5.7.1",
				     .text = matching[row].reply };
	struct verdict_known known = { .accepted = 1 };
	struct verdict_rules *rules;
	char text[256];

	snprintf(text, sizeof(text), "rule ours\nthen place stop 7\n%s\n",
		 matching[row].rule);
	rules = rows_rules(text);
	assert_int_equal(strcmp(verdict_of(rules, &said, &known).rule, "ours") == 0,
			 matching[row].matches);
	verdict_rules_free(rules);
}

static void the_first_of_the_operators_rules_decides(void **state)
{
	struct verdict_said said = {
		.stage = VERDICT_AT_DOT, .code = 550, .status = "", .text = "No such user"
	};
	struct verdict_known known = { 0 };
	struct verdict_rules *rules = rows_rules("rule first\n"
						 "said such\n"
						 "then account stop 2h\n"
						 "what the provider's whim\n"
						 "mend Ask the provider.\n"
						 "rule second\n"
						 "then letter bounce\n");
	struct verdict verdict = verdict_of(rules, &said, &known);

	(void)state;
	assert_string_equal(verdict.rule, "first");
	assert_string_equal(verdict.what, "the provider's whim");
	assert_string_equal(verdict.mend, "Ask the provider.");
	assert_int_equal(verdict.scope, VERDICT_ACCOUNT);
	assert_int_equal(verdict.wait_s, 7200);
	verdict_rules_free(rules);
}

/* The lines of the sample that are no prose: "#rule x" and not "# a rule". */
static void the_rules_in_the_sample_are_right(void **state)
{
	char *sample = rows_read("control/replies"), *rest = sample, *line;
	struct buf text = BUF_INIT(100000);
	struct verdict_rules *rules;

	(void)state;
	assert_non_null(sample);
	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] == '#' && line[1] && line[1] != ' ')
			assert_true(buf_appendf(&text, "%s\n", line + 1));
	rules = rows_rules(text.data);
	assert_int_equal(rules->count - rules->shipped, 2);
	verdict_rules_free(rules);
	buf_clear(&text);
	free(sample);
}

static void every_shipped_rule_has_a_name_of_its_own_and_words_that_fit(void **state)
{
	struct verdict_rules *rules = rows_rules("");

	(void)state;
	for (size_t i = 0; i < rules->shipped; i++) {
		const struct reply_rule *rule = &rules->rules[i];

		print_message("%s\n", rule->name);
		assert_true(strcmp(rule->what, rule->name) != 0);
		assert_true(strlen(rule->what) < WHAT_MAX);
		assert_true(strlen(rule->mend) < MEND_MAX);
		assert_true(!rule->mend[0] ||
			    strchr(".)", rule->mend[strlen(rule->mend) - 1]));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(rule->name, rules->rules[j].name);
	}
	verdict_rules_free(rules);
}

/* What stops ends by itself, so each stop has a time. */
static void every_stop_has_an_end(void **state)
{
	struct verdict_rules *rules = rows_rules("");

	(void)state;
	for (size_t i = 0; i < rules->shipped; i++)
		if (rules->rules[i].action == VERDICT_STOP ||
		    rules->rules[i].action == VERDICT_SLOW)
			assert_true(rules->rules[i].wait_s >= 60);
	verdict_rules_free(rules);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(wrong) + LENGTH(matching) + 4] = {
		cmocka_unit_test(the_first_of_the_operators_rules_decides),
		cmocka_unit_test(the_rules_in_the_sample_are_right),
		cmocka_unit_test(
			every_shipped_rule_has_a_name_of_its_own_and_words_that_fit),
		cmocka_unit_test(every_stop_has_an_end),
	};
	size_t count = 4;

	for (size_t i = 0; i < LENGTH(wrong); i++)
		tests[count++] =
			(struct CMUnitTest){ .name = wrong[i].title,
					     .test_func = check_wrong,
					     .initial_state = (void *)(uintptr_t)i };
	for (size_t i = 0; i < LENGTH(matching); i++)
		tests[count++] =
			(struct CMUnitTest){ .name = matching[i].title,
					     .test_func = check_matching,
					     .initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
