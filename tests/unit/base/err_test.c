#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

static void an_errno_becomes_a_verdict(void **state)
{
	static const struct {
		int number, exit_code;
		const char *status;
	} rows[] = {
		{ ENOSPC, EX_TEMPFAIL, "4.3.1" },       { EDQUOT, EX_TEMPFAIL, "4.2.2" },
		{ ENOENT, EX_NOINPUT, "4.3.0" },        { EACCES, EX_NOPERM, "4.3.0" },
		{ ECONNREFUSED, EX_TEMPFAIL, "4.4.1" }, { EIO, EX_TEMPFAIL, "4.3.0" },
		{ 12345, EX_TEMPFAIL, "4.3.0" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct err err = { 0 };

		errno = rows[i].number;
		assert_false(err_errno(&err, "create %s", "tmp/1"));
		assert_int_equal(errno, rows[i].number);
		assert_int_equal(err.kind, ERR_TEMPORARY);
		assert_string_equal(err.status, rows[i].status);
		assert_int_equal(err_exit_code(&err), rows[i].exit_code);
	}
}

static void a_story_reads_from_the_outside_in(void **state)
{
	struct err err = { 0 };

	(void)state;
	errno = ENOSPC;
	err_errno(&err, "create tmp/%d", 5);
	assert_false(err_context(&err, "park for %s", "isp"));
	assert_string_equal(err.text,
			    "park for isp: create tmp/5: No space left on device");
	assert_string_equal(err.status, "4.3.1");
}

static void a_long_story_is_cut_not_spilt(void **state)
{
	char long_text[2000];
	struct err err = { 0 };

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	errno = EIO;
	err_errno(&err, "%s", long_text);
	err_context(&err, "%s", long_text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	err_permanent(&err, long_text, "%s", long_text);
	assert_int_equal(strlen(err.status), sizeof(err.status) - 1);
}

static void a_new_err_forgets_the_old_exit_code(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(err_exit_code(&err), EX_OK);
	err_exit(&err, EX_CONFIG, "wrong");
	assert_int_equal(err_exit_code(&err), EX_CONFIG);
	err_permanent(&err, "5.1.1", "no such user");
	assert_int_equal(err_exit_code(&err), EX_UNAVAILABLE);
	err_temporary(&err, "4.2.1", "later");
	assert_int_equal(err_exit_code(&err), EX_TEMPFAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_errno_becomes_a_verdict),
		cmocka_unit_test(a_story_reads_from_the_outside_in),
		cmocka_unit_test(a_long_story_is_cut_not_spilt),
		cmocka_unit_test(a_new_err_forgets_the_old_exit_code),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
