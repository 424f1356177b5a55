#include "deliver/queue_exit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
	const char *title;
	unsigned exit_code;
	const char *text;
	enum err_kind kind;
	const char *status;
	const char *words;
} rows[] = {
	{ "0 is taken, whatever was said", 0, "Dno", ERR_NONE, "", "" },
	{ "11 is an address", 11, "", ERR_PERMANENT, "5.1.3", "an address is too long" },
	{ "115 is 11's old number", 115, "", ERR_PERMANENT, "5.1.3",
	  "an address is too long" },
	{ "31 refuses", 31, "", ERR_PERMANENT, "5.7.1", "the message is refused here" },
	{ "40 is the last that refuses", 40, "", ERR_PERMANENT, "5.7.1",
	  "the message is refused here" },
	{ "41 is not", 41, "", ERR_TEMPORARY, "4.3.0",
	  "the message cannot be looked at now" },
	{ "10 is not", 10, "", ERR_TEMPORARY, "4.3.0",
	  "the message cannot be looked at now" },
	{ "53 cannot write", 53, "", ERR_TEMPORARY, "4.3.0",
	  "the message cannot be written now" },
	{ "71 wants it later", 71, "", ERR_TEMPORARY, "4.7.1",
	  "the message is not taken now" },
	{ "82 says it in its own words", 82, "Da virus", ERR_PERMANENT, "5.7.1",
	  "a virus" },
	{ "or wants it later in its own words", 82, "Zbusy", ERR_TEMPORARY, "4.7.1",
	  "busy" },
	{ "82 without words is later", 82, "", ERR_TEMPORARY, "4.3.0",
	  "the message cannot be looked at now" },
	{ "words count with other codes too", 31, "Dspam", ERR_PERMANENT, "5.7.1",
	  "spam" },
	{ "words of no kind do not", 31, "spam", ERR_PERMANENT, "5.7.1",
	  "the message is refused here" },
	{ "a signal is later", 128 + 9, "", ERR_TEMPORARY, "4.3.0",
	  "the message cannot be looked at now" },
};

static void verdict(void **state)
{
	size_t i = (uintptr_t)*state;
	struct err err = { 0 };

	assert_int_equal(queue_exit_verdict(rows[i].exit_code, rows[i].text, &err),
			 rows[i].kind == ERR_NONE);
	assert_int_equal(err.kind, rows[i].kind);
	assert_string_equal(err.status, rows[i].status);
	assert_string_equal(err.text, rows[i].words);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows)];

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = verdict,
						.initial_state = (void *)i };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
