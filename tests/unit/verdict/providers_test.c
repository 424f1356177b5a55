/* docs/providers.md: each reply in its tables is read as the row says. */
#include "rows.h"

#define PAGE    "docs/providers.md"
#define COLUMNS 5 /* what stands before the first "|", and four cells */
#define LEAST   80

enum column {
	MARGIN,
	REPLY,
	STAGE,
	OUTCOME,
	WAIT
};

static struct verdict_rules *rules;

/* " `550 5.7.1 No` " as code, status and text, in place. */
static void cut_reply(char *cell, struct verdict_said *said, char *status, size_t size)
{
	char *text = cell + strspn(cell, " `");
	size_t len;

	text[strcspn(text, "`")] = '\0';
	said->code = (unsigned)(text[0] - '0') * 100 + (unsigned)(text[1] - '0') * 10 +
		     (unsigned)(text[2] - '0');
	text += 4;
	len = strspn(text, "0123456789.");
	if (len >= 5 && text[len] == ' ') {
		snprintf(status, size, "%.*s", (int)len, text);
		text += len + 1;
	}
	said->status = status;
	said->text = text;
}

static char *trim(char *cell)
{
	struct span trimmed = span_trim(span_of(cell));

	cell += trimmed.at - cell;
	cell[trimmed.len] = '\0';
	return cell;
}

static bool check(char **columns, bool is_mx)
{
	struct verdict_known known = { .is_mx = is_mx, .recipients_accepted = 1 };
	struct verdict_said said = { .stage = rows_stage(trim(columns[STAGE])) };
	const char *wait = trim(columns[WAIT]), *outcome = trim(columns[OUTCOME]);
	char status[12] = "", got[64];
	struct verdict verdict;
	uint64_t wait_s = 0;

	cut_reply(columns[REPLY], &said, status, sizeof(status));
	verdict = verdict_of(rules, &said, &known);
	assert_true(!wait[0] || number_parse_seconds(span_of(wait), UINT32_MAX, &wait_s));
	if (strcmp(rows_outcome(&verdict, got, sizeof(got)), outcome) == 0 &&
	    (!wait[0] || wait_s == verdict.wait_s))
		return true;
	print_message("%u %s: the page says %s %s, it is %s %u by %s\n", said.code,
		      said.text, outcome, wait, got, verdict.wait_s, verdict.rule);
	return false;
}

static void every_reply_of_the_page_is_read_as_its_row_says(void **state)
{
	char *text = rows_read(PAGE), *rest = text, *line;
	size_t rows = 0, wrong = 0;
	bool is_mx = false;

	(void)state;
	assert_non_null(text);
	while ((line = strsep(&rest, "\n")) != NULL) {
		char *columns[COLUMNS];

		if (strncmp(line, "| reply ", 8) == 0)
			is_mx = strstr(line, "| at mx |") != NULL;
		if (strncmp(line, "| `", 3) != 0)
			continue;
		assert_int_equal(rows_cut(line, "|", columns, COLUMNS), COLUMNS);
		rows++;
		wrong += !check(columns, is_mx);
	}
	free(text);
	assert_true(rows >= LEAST);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reply_of_the_page_is_read_as_its_row_says),
	};
	int failed;

	rules = rows_rules("");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	verdict_rules_free(rules);
	return failed;
}
