/* Replies in our own words and other languages (more_replies.tsv): the rules are for
 * meanings, and not for the sentences that they were made from. */
#include "rows.h"

#define TABLE   "tests/unit/verdict/more_replies.tsv"
#define COLUMNS 7
#define LEAST   200

enum column {
	STAGE,
	SERVER,
	CODE,
	STATUS,
	WANTED,
	WAIT,
	TEXT
};

static struct verdict_rules *rules;

static bool check(char *const *columns, bool is_mx)
{
	struct verdict_said said = {
		.stage = rows_stage(columns[STAGE]),
		.code = rows_number(columns[CODE]),
		.status = rows_status(columns[STATUS]),
		.text = columns[TEXT],
	};
	struct verdict_known known = { .is_mx = is_mx, .recipients_accepted = 1 };
	struct verdict verdict = verdict_of(rules, &said, &known);
	uint32_t wait_s = rows_number(columns[WAIT]);
	char got[64];

	rows_outcome(&verdict, got, sizeof(got));
	if (rows_has(columns[WANTED], "/", got) &&
	    (!wait_s || rows_wait_is_near(wait_s, verdict.wait_s)))
		return true;
	print_message("%s \"%s\", %s: wanted %s %s, got %s %u by %s\n", columns[CODE],
		      columns[TEXT], is_mx ? "mx" : "smarthost", columns[WANTED],
		      columns[WAIT], got, verdict.wait_s, verdict.rule);
	return false;
}

static void what_nobody_wrote_a_rule_for_is_understood(void **state)
{
	char *text = rows_read(TABLE), *rest = text, *line;
	size_t rows = 0, wrong = 0;

	(void)state;
	assert_non_null(text);
	while ((line = strsep(&rest, "\n")) != NULL) {
		char *columns[COLUMNS];

		if (!line[0] || line[0] == '#')
			continue;
		assert_int_equal(rows_cut(line, "\t", columns, COLUMNS), COLUMNS);
		rows++;
		if (columns[SERVER][0] != 'm')
			wrong += !check(columns, false);
		if (columns[SERVER][0] != 's')
			wrong += !check(columns, true);
	}
	free(text);
	assert_true(rows >= LEAST);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_wrote_a_rule_for_is_understood),
	};
	int failed;

	rules = rows_rules("");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	verdict_rules_free(rules);
	return failed;
}
