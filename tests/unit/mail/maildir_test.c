#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/maildir.h"

static const struct {
	const char *title;
	const char *name;
	const char *id;
	uint64_t bytes; /* S=; 0: none */
	const char *flags;
} rows[] = {
	{ "a name of ours", "1.M2P3Q4.host,S=56,W=78:2,RS", "1.M2P3Q4.host", 56, "RS" },
	{ "a name in new", "1.M2P3Q4.host,S=56,W=78", "1.M2P3Q4.host", 56, "" },
	{ "a name of qmail's", "1.2.host", "1.2.host", 0, "" },
	{ "a name of qmail's with flags", "1.2.host:2,S", "1.2.host", 0, "S" },
	{ "a fact among others", "1.2.host,W=9,X=1,S=56", "1.2.host", 56, "" },
	{ "a fact behind the flags is none", "1.2.host:2,S,S=56", "1.2.host", 0,
	  "S,S=56" },
	{ "a fact that is no number is none", "1.2.host,S=5x", "1.2.host", 0, "" },
	{ "a fact larger than a number is none", "1.2.host,S=99999999999999999999999",
	  "1.2.host", 0, "" },
	{ "an empty name", "", "", 0, "" },
};

static void facts(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	uint64_t bytes = 0;

	assert_true(span_is(maildir_id(rows[row].name), rows[row].id));
	assert_int_equal(maildir_fact(rows[row].name, 'S', &bytes), rows[row].bytes != 0);
	assert_int_equal(bytes, rows[row].bytes);
	assert_string_equal(maildir_flags(rows[row].name), rows[row].flags);
}

static void unique_names_differ(void **state)
{
	char one[MAILDIR_UNIQUE_MAX], other[MAILDIR_UNIQUE_MAX];

	(void)state;
	maildir_unique("host", one);
	for (int i = 0; i < 1000; i++) {
		maildir_unique("host", other);
		assert_string_not_equal(one, other);
		memcpy(one, other, sizeof(one));
	}
}

static void a_host_cannot_spoil_a_name(void **state)
{
	static const struct {
		const char *host;
		const char *end;
	} hosts[] = {
		{ "office.example", ".office.example" },
		{ "../a/b:2,c,S=1\n", "...ab2cS1" },
		{ "", ".host" },
		{ "abcdefghijklmnopqrstuvwxyz", ".abcdefghijklmnopqrstuvwx" },
	};
	char unique[MAILDIR_UNIQUE_MAX];

	(void)state;
	for (size_t i = 0; i < LENGTH(hosts); i++) {
		maildir_unique(hosts[i].host, unique);
		assert_true(strlen(unique) > strlen(hosts[i].end));
		assert_string_equal(unique + strlen(unique) - strlen(hosts[i].end),
				    hosts[i].end);
		assert_int_equal(maildir_id(unique).len, strlen(unique));
	}
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 2] = {
		cmocka_unit_test(unique_names_differ),
		cmocka_unit_test(a_host_cannot_spoil_a_name),
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i + 2] =
			(struct CMUnitTest){ .name = rows[i].title,
					     .test_func = facts,
					     .initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("mail maildir", tests, NULL, NULL);
}
