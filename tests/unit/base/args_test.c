#include "base/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define WORDS_MAX 8
static const char usage[] = "usage: lontar init --me HOST\n  more help\n";

struct seen {
	bool silent;
	const char *me;
	char users[64];
};

static bool add_user(void *ctx, const char *value, struct err *err)
{
	struct seen *seen = ctx;
	size_t used = strlen(seen->users);

	if (strcmp(value, "bad") == 0)
		return err_exit(err, EX_USAGE, "bad is no user");
	snprintf(seen->users + used, sizeof(seen->users) - used, "%s,", value);
	return true;
}

static const struct {
	const char *title;
	const char *words[WORDS_MAX];
	const char *left; /* what is left behind the command's name, with commas */
	const char *me, *users;
	bool silent;
	const char *error;
} rows[] = {
	{ .title = "words stay in their order", .words = { "a", "b" }, .left = "a,b," },
	{ .title = "a value may stand behind or after a sign",
	  .words = { "--me", "one", "--me=two" },
	  .left = "",
	  .me = "two" },
	{ .title = "options may come after words",
	  .words = { "a", "--silent", "b" },
	  .left = "a,b,",
	  .silent = true },
	{ .title = "two dashes end the options",
	  .words = { "--silent", "--", "--me", "x" },
	  .left = "--me,x,",
	  .silent = true },
	{ .title = "a dash alone is a word", .words = { "-" }, .left = "-," },
	{ .title = "an empty word is a word", .words = { "" }, .left = "," },
	{ .title = "an option may be given many times",
	  .words = { "--user", "ann", "--user=bob" },
	  .left = "",
	  .users = "ann,bob," },
	{ .title = "an empty value is a value",
	  .words = { "--me=" },
	  .left = "",
	  .me = "" },
	{ .title = "an unknown option is refused with the usage",
	  .words = { "--you" },
	  .error = "unknown option --you; usage: lontar init --me HOST" },
	{ .title = "a beginning of an option is not it",
	  .words = { "--sil" },
	  .error = "unknown option --sil; usage: lontar init --me HOST" },
	{ .title = "letters are no options",
	  .words = { "-v" },
	  .error = "unknown option -v; usage: lontar init --me HOST" },
	{ .title = "a missing value is refused",
	  .words = { "--me" },
	  .error = "a value is missing after --me; usage: lontar init --me HOST" },
	{ .title = "a value too many is refused",
	  .words = { "--silent=yes" },
	  .error = "no value belongs to --silent; usage: lontar init --me HOST" },
	{ .title = "who reads a value may refuse it",
	  .words = { "--user", "bad" },
	  .error = "bad is no user" },
};

static void command_line(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	char name[] = "init", copies[WORDS_MAX][32], left[64] = "";
	char *argv[WORDS_MAX + 2] = { name };
	struct seen seen = { 0 };
	const struct args_option options[] = {
		{ .name = "silent", .flag_out = &seen.silent },
		{ .name = "me", .value_out = &seen.me },
		{ .name = "user", .each = add_user, .ctx = &seen },
		{ 0 },
	};
	struct args args = { 1, argv };
	struct err err = { 0 };

	for (size_t i = 0; i < WORDS_MAX && rows[row].words[i]; i++) {
		snprintf(copies[i], sizeof(copies[i]), "%s", rows[row].words[i]);
		argv[args.argc++] = copies[i];
	}
	if (rows[row].error) {
		assert_false(args_parse(&args, options, usage, &err));
		assert_string_equal(err.text, rows[row].error);
		assert_int_equal(err_exit_code(&err), EX_USAGE);
		return;
	}
	assert_true(args_parse(&args, options, usage, &err));
	for (int i = 1; i < args.argc; i++) {
		size_t used = strlen(left);

		snprintf(left + used, sizeof(left) - used, "%s,", args.argv[i]);
	}
	assert_null(args.argv[args.argc]);
	assert_string_equal(left, rows[row].left);
	assert_int_equal(seen.silent, rows[row].silent);
	assert_string_equal(seen.users, rows[row].users ? rows[row].users : "");
	assert_int_equal(!seen.me, !rows[row].me);
	if (seen.me)
		assert_string_equal(seen.me, rows[row].me);
}

static void words_are_counted(void **state)
{
	char name[] = "user", one[] = "add", two[] = "ann";
	char *argv[] = { name, one, two, NULL };
	const struct args args = { 3, argv };
	struct err err = { 0 };

	(void)state;
	assert_true(args_count(&args, 2, 2, usage, &err));
	assert_true(args_count(&args, 0, -1, usage, &err));
	assert_false(args_count(&args, 3, -1, usage, &err));
	assert_string_equal(err.text,
			    "something is missing; usage: lontar init --me HOST");
	assert_false(args_count(&args, 0, 1, usage, &err));
	assert_string_equal(err.text, "too much: ann; usage: lontar init --me HOST");
	assert_int_equal(err_exit_code(&err), EX_USAGE);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = command_line;
		tests[i].initial_state = (void *)(uintptr_t)i;
	}
	tests[LENGTH(rows)].name = "words are counted";
	tests[LENGTH(rows)].test_func = words_are_counted;
	return cmocka_run_group_tests_name("args", tests, NULL, NULL);
}
