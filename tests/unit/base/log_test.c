#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static int real_stderr = -1, ends[2] = { -1, -1 };
static char written[8192];

/* stderr is a pipe between begin and end. */
static void begin(void)
{
	real_stderr = dup(STDERR_FILENO);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	file_close(&ends[1]);
}

static const char *end(void)
{
	ssize_t got;

	dup2(real_stderr, STDERR_FILENO);
	file_close(&real_stderr);
	got = read(ends[0], written, sizeof(written) - 1);
	written[got > 0 ? got : 0] = '\0';
	file_close(&ends[0]);
	return written;
}

static void the_program_stands_before_what_a_person_must_read(void **state)
{
	struct err err = { 0 };

	(void)state;
	unsetenv("LONTAR_DEBUG");
	log_open("lontar-x");
	begin();
	log_info("new msg %d", 12);
	log_warning("later");
	log_error("wrong");
	log_debug("not shown");
	err_permanent(&err, "", "final");
	log_failure(&err);
	err_temporary(&err, "", "not yet");
	log_failure(&err);
	assert_string_equal(end(), "new msg 12\n"
				   "lontar-x: warning: later\n"
				   "lontar-x: error: wrong\n"
				   "lontar-x: error: final\n"
				   "lontar-x: warning: not yet\n");
}

static void debug_is_shown_on_demand(void **state)
{
	(void)state;
	setenv("LONTAR_DEBUG", "1", 1);
	log_open("lontar-x");
	begin();
	log_debug("trace");
	assert_string_equal(end(), "lontar-x: debug: trace\n");
	unsetenv("LONTAR_DEBUG");
	log_open("lontar-x");
}

static void nobody_forges_a_line(void **state)
{
	(void)state;
	begin();
	log_info("user=%s", "ann\nend msg 1\r\x1b[2J\t\x7f\xc3\xa4");
	assert_string_equal(end(), "user=ann?end msg 1??[2J????\n");
}

static void a_long_line_is_cut_and_still_a_line(void **state)
{
	char text[5000];
	size_t len;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	begin();
	log_error("%s", text);
	len = strlen(end());
	assert_int_equal(len, LOG_LINE_MAX);
	assert_int_equal(written[len - 1], '\n');
	assert_ptr_equal(strchr(written, '\n'), written + len - 1);
}

static void held_lines_come_in_order_at_release(void **state)
{
	(void)state;
	begin();
	log_hold();
	log_info("one");
	log_info("two");
	log_release();
	log_release();
	log_info("three");
	assert_string_equal(end(), "one\ntwo\nthree\n");
}

static void a_token_has_no_blanks(void **state)
{
	char token[16];

	(void)state;
	assert_string_equal(log_token("a b%c\nd\te\x80", token, sizeof(token)),
			    "a_b_c/d_e_");
	assert_string_equal(log_token("0123456789abcdefgh", token, sizeof(token)),
			    "0123456789abcde");
	assert_string_equal(log_token("", token, sizeof(token)), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_program_stands_before_what_a_person_must_read),
		cmocka_unit_test(debug_is_shown_on_demand),
		cmocka_unit_test(nobody_forges_a_line),
		cmocka_unit_test(a_long_line_is_cut_and_still_a_line),
		cmocka_unit_test(held_lines_come_in_order_at_release),
		cmocka_unit_test(a_token_has_no_blanks),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
