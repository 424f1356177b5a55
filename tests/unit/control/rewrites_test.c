#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sysexits.h>

#include <cmocka.h>

#include "control/rewrites.h"

static const char text[] = "# office\n"
			   "ann@office.example: ann.meyer@isp.example\n"
			   "@office.example:meyer+*@isp.example\n"
			   "sat:ann@office.example: boat12@sat.example\n"
			   "sat: @branch.example :all@sat.example\n"
			   "bob@office.example:first@isp.example\n"
			   "bob@office.example:second@isp.example\n";

static const struct {
	const char *title;
	const char *smarthost; /* NULL: coming */
	const char *address;
	const char *instead; /* NULL: it stays */
} lookups[] = {
	{ "a whole address", "isp", "ann@office.example", "ann.meyer@isp.example" },
	{ "without case", "isp", "Ann@OFFICE.example", "ann.meyer@isp.example" },
	{ "a domain, with the local part for the star", "isp", "Carl@office.example",
	  "meyer+Carl@isp.example" },
	{ "a smarthost's own line goes first", "sat", "ann@office.example",
	  "boat12@sat.example" },
	{ "without one, the line for all", "sat", "carl@office.example",
	  "meyer+carl@isp.example" },
	{ "a domain that becomes one address", "sat", "carl@branch.example",
	  "all@sat.example" },
	{ "a smarthost's line is for that one only", "isp", "carl@branch.example", NULL },
	{ "of two lines the last counts", "isp", "bob@office.example",
	  "second@isp.example" },
	{ "others stay", "isp", "x@far.example", NULL },
	{ "the null sender stays", "isp", "", NULL },
	{ "no domain", "isp", "ann", NULL },
	{ "back to the whole address", NULL, "ANN.meyer@isp.example",
	  "ann@office.example" },
	{ "back from any smarthost's", NULL, "boat12@sat.example", "ann@office.example" },
	{ "back by the star", NULL, "meyer+Carl@isp.example", "Carl@office.example" },
	{ "nothing for the star is nobody", NULL, "meyer+@isp.example", NULL },
	{ "one for many leads nowhere back", NULL, "all@sat.example", NULL },
	{ "a strange address stays", NULL, "x@isp.example", NULL },
};

static void check_lookup(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	char instead[ADDRESS_MAX] = "";
	struct rewrites rewrites;
	struct err err = { 0 };
	bool found;

	assert_true(rewrites_parse(span_of(text), &rewrites, &err));
	found = lookups[row].smarthost
			? rewrites_leaving(&rewrites, lookups[row].smarthost,
					   lookups[row].address, instead)
			: rewrites_coming(&rewrites, lookups[row].address, instead);
	rewrites_clear(&rewrites);
	assert_int_equal(lookups[row].instead != NULL, found);
	if (found)
		assert_string_equal(lookups[row].instead, instead);
}

static const struct {
	const char *title;
	const char *line;
	const char *why;
} wrong[] = {
	{ "one address", "ann@office.example", "write office address" },
	{ "four columns", "isp:a@o.example:b@i.example:c", "more than two" },
	{ "no smarthost's name", "ISP one:a@o.example:b@i.example", "smarthost's name" },
	{ "no domain on the left", "ann:b@i.example", "first address" },
	{ "no domain on the right", "a@o.example:ann", "second address" },
	{ "a domain on the right", "@o.example:@i.example", "second address" },
	{ "two stars", "@o.example:*+*@i.example", "one \"*\"" },
	{ "a star in the domain", "@o.example:a@*.example", "second address" },
	{ "a star for one", "a@o.example:x+*@i.example", "@domain on the left" },
};

static void check_wrong(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct rewrites rewrites;
	struct err err = { 0 };

	assert_false(rewrites_parse(span_of(wrong[row].line), &rewrites, &err));
	assert_int_equal(EX_CONFIG, err.exit_code);
	assert_non_null(strstr(err.text, wrong[row].why));
	assert_non_null(strstr(err.text, "control/rewrites:1: "));
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(lookups) + LENGTH(wrong)];

	for (size_t i = 0; i < LENGTH(lookups); i++)
		tests[i] = (struct CMUnitTest){ .name = lookups[i].title,
						.test_func = check_lookup,
						.initial_state = (void *)(uintptr_t)i };
	for (size_t i = 0; i < LENGTH(wrong); i++)
		tests[LENGTH(lookups) + i] =
			(struct CMUnitTest){ .name = wrong[i].title,
					     .test_func = check_wrong,
					     .initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
