#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deliver/qmail_environment.h"

static const struct qmail_context joe = {
	.user = "joe",
	.home = "/home/joe",
	.local = "joe-list-a-b-c",
	.host = "mail.heaven.af.mil",
	.ext = "list-a-b-c",
	.rest = "a-b-c",
	.sender = "you@far.example",
	.new_sender = "joe-list-owner@mail.heaven.af.mil",
	.path = "/usr/bin:/bin",
	.root = "/var/lib/lontar",
	.now = 1795350000, /* Sun Nov 22 12:20:00 2026 */
};

static const struct {
	const char *title;
	const char *name;
	const char *value;
} rows[] = {
	{ "USER", "USER", "joe" },
	{ "HOME", "HOME", "/home/joe" },
	{ "LOCAL", "LOCAL", "joe-list-a-b-c" },
	{ "RECIPIENT is both", "RECIPIENT", "joe-list-a-b-c@mail.heaven.af.mil" },
	{ "HOST", "HOST", "mail.heaven.af.mil" },
	{ "HOST2 ends before the last dot", "HOST2", "mail.heaven.af" },
	{ "HOST3 before the last but one", "HOST3", "mail.heaven" },
	{ "HOST4 before that", "HOST4", "mail" },
	{ "EXT", "EXT", "list-a-b-c" },
	{ "EXT2 begins behind the first dash", "EXT2", "a-b-c" },
	{ "EXT3 behind the second", "EXT3", "b-c" },
	{ "EXT4 behind the third", "EXT4", "c" },
	{ "DEFAULT", "DEFAULT", "a-b-c" },
	{ "SENDER", "SENDER", "you@far.example" },
	{ "NEWSENDER", "NEWSENDER", "joe-list-owner@mail.heaven.af.mil" },
	{ "DTLINE has its line end", "DTLINE",
	  "Delivered-To: joe-list-a-b-c@mail.heaven.af.mil\n" },
	{ "RPLINE too", "RPLINE", "Return-Path: <you@far.example>\n" },
	{ "UFLINE too", "UFLINE", "From you@far.example Sun Nov 22 12:20:00 2026\n" },
	{ "PATH", "PATH", "/usr/bin:/bin" },
	{ "the gateway's root, for sendmail", "LONTAR_ROOT", "/var/lib/lontar" },
	{ "nothing else", "LONTAR_DEBUG", NULL },
};

static void it_is_there(void **state)
{
	size_t i = (uintptr_t)*state;
	struct environment environment;

	qmail_environment(&environment, &joe);
	if (rows[i].value)
		assert_string_equal(environment_get(&environment, rows[i].name),
				    rows[i].value);
	else
		assert_null(environment_get(&environment, rows[i].name));
	environment_clear(&environment);
}

static void what_is_not_there_is_empty_or_unset(void **state)
{
	struct qmail_context plain = joe;
	struct environment environment;

	(void)state;
	plain.ext = "";
	plain.host = "heaven";
	plain.rest = NULL;
	plain.sender = "";
	qmail_environment(&environment, &plain);
	assert_string_equal(environment_get(&environment, "EXT2"), "");
	assert_string_equal(environment_get(&environment, "HOST4"), "heaven");
	assert_null(environment_get(&environment, "DEFAULT"));
	assert_string_equal(environment_get(&environment, "RPLINE"), "Return-Path: <>\n");
	assert_string_equal(environment_get(&environment, "UFLINE"),
			    "From MAILER-DAEMON Sun Nov 22 12:20:00 2026\n");
	environment_clear(&environment);
}

static void no_value_is_a_function_or_breaks_a_line(void **state)
{
	struct qmail_context hostile = joe;
	struct environment environment;

	(void)state;
	hostile.sender = "() { :;}; id@far.example";
	hostile.ext = "(a\nb\033[m";
	qmail_environment(&environment, &hostile);
	assert_string_equal(environment_get(&environment, "SENDER"),
			    "_) { :;}; id@far.example");
	assert_string_equal(environment_get(&environment, "EXT"), "_a_b_[m");
	environment_clear(&environment);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 2] = {
		[LENGTH(rows)] = cmocka_unit_test(what_is_not_there_is_empty_or_unset),
		[LENGTH(rows) + 1] =
			cmocka_unit_test(no_value_is_a_function_or_breaks_a_line),
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = it_is_there,
						.initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("environment of programs", tests, NULL, NULL);
}
