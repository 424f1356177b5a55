#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/priorities.h"

static const char file[] = "doctor@clinic.example:urgent\n"
			   "@clinic.example: high\n"
			   "news@clinic.example:normal\n"
			   ">1m:high\n"
			   ">10m:normal\n"
			   "wrong@clinic.example:soon\n";

static const struct {
	const char *title;
	const char *sender;
	uint64_t bytes;
	enum mail_priority asked, decided;
} rows[] = {
	{ "without a line the header says it", "ann@gate.example", 100, PRIORITY_URGENT,
	  PRIORITY_URGENT },
	{ "a line for the sender decides", "doctor@clinic.example", 100, PRIORITY_NORMAL,
	  PRIORITY_URGENT },
	{ "in any case of letters", "Doctor@Clinic.Example", 100, PRIORITY_NORMAL,
	  PRIORITY_URGENT },
	{ "else one for the domain", "nurse@clinic.example", 100, PRIORITY_NORMAL,
	  PRIORITY_HIGH },
	{ "whatever the header says", "nurse@clinic.example", 100, PRIORITY_URGENT,
	  PRIORITY_HIGH },
	{ "also that it is not urgent", "news@clinic.example", 100, PRIORITY_URGENT,
	  PRIORITY_NORMAL },
	{ "a line with another word is none", "wrong@clinic.example", 100,
	  PRIORITY_URGENT, PRIORITY_URGENT },
	{ "a large message is not more than its size may be", "doctor@clinic.example",
	  1048577, PRIORITY_NORMAL, PRIORITY_HIGH },
	{ "nor a larger one", "doctor@clinic.example", 10485761, PRIORITY_URGENT,
	  PRIORITY_NORMAL },
	{ "one of just that size is not larger", "doctor@clinic.example", 1048576,
	  PRIORITY_NORMAL, PRIORITY_URGENT },
	{ "the null sender asks for nothing", "", 100, PRIORITY_NORMAL, PRIORITY_NORMAL },
};

static void decide(void **state)
{
	size_t i = (uintptr_t)*state;
	struct settings_list lines = { .keyed = true };
	struct err err;

	assert_true(settings_list_parse(&lines, "priorities", span_of(file), &err));
	assert_int_equal(
		priorities_decide(&lines, rows[i].sender, rows[i].bytes, rows[i].asked),
		rows[i].decided);
	settings_list_clear(&lines);
}

static void a_line_that_matches_nothing_is_told(void **state)
{
	static const char *const wrong[] = { "ann@gate.example",
					     "ann@gate.example:soon",
					     "gate.example:urgent",
					     ">big:normal",
					     ":urgent",
					     "" };
	static const char *const right[] = { "ann@gate.example:urgent",
					     "@a.example:normal", ">2m:high" };

	(void)state;
	for (size_t i = 0; i < LENGTH(wrong); i++)
		assert_non_null(priorities_judge(wrong[i]));
	for (size_t i = 0; i < LENGTH(right); i++)
		assert_null(priorities_judge(right[i]));
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = {
		[LENGTH(rows)] = cmocka_unit_test(a_line_that_matches_nothing_is_told),
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = decide,
						.initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("priorities", tests, NULL, NULL);
}
