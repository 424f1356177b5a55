#include "smtp/client_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

static const struct {
	const char *title;
	const char *bytes;
	enum smtp_reply_got got;
	unsigned code;
	const char *status;
	const char *text;
} rows[] = {
	{ "one line with an enhanced status", "250 2.1.5 ok\r\n", SMTP_REPLY_WHOLE, 250,
	  "2.1.5", "2.1.5 ok" },
	{ "a status is made from the code where there is none", "450 busy\r\n",
	  SMTP_REPLY_WHOLE, 450, "4.0.0", "busy" },
	{ "a status of another class is text", "550 4.1.1 no\r\n", SMTP_REPLY_WHOLE, 550,
	  "5.0.0", "4.1.1 no" },
	{ "a number that is no status is text", "550 5.7 no\r\n", SMTP_REPLY_WHOLE, 550,
	  "5.0.0", "5.7 no" },
	{ "three digits alone are a reply", "250\r\n", SMTP_REPLY_WHOLE, 250, "2.0.0",
	  "" },
	{ "lines are joined, their status kept once",
	  "550-5.1.1 no such\r\n550 5.1.1 person\r\n", SMTP_REPLY_WHOLE, 550, "5.1.1",
	  "5.1.1 no such person" },
	{ "a bare LF ends a line too", "250 ok\n", SMTP_REPLY_WHOLE, 250, "2.0.0", "ok" },
	{ "controls and letters beyond ASCII become question marks",
	  "550 a\x01\xc3\xa4\tb\r\n", SMTP_REPLY_WHOLE, 550, "5.0.0", "a????b" },
	{ "half a line is awaited", "250-ok\r\n250 o", SMTP_REPLY_MORE, 0, "", "" },
	{ "two digits are no reply", "25 ok\r\n", SMTP_REPLY_BROKEN, 0, "", "" },
	{ "text before the code is no reply", "ok 250\r\n", SMTP_REPLY_BROKEN, 0, "",
	  "" },
	{ "a code above 599 is none", "600 ok\r\n", SMTP_REPLY_BROKEN, 0, "", "" },
	{ "a negative one is none", "-25 ok\r\n", SMTP_REPLY_BROKEN, 0, "", "" },
	{ "codes may not change within a reply", "250-ok\r\n550 no\r\n",
	  SMTP_REPLY_BROKEN, 0, "", "" },
	{ "an empty line is no reply", "\r\n", SMTP_REPLY_BROKEN, 0, "", "" },
};

static void reply(void **state)
{
	size_t i = (uintptr_t)*state;
	struct smtp_reply_reader reader = { 0 };
	struct smtp_client_reply got = { 0 };
	struct span bytes = span_of(rows[i].bytes);

	assert_int_equal(smtp_reply_read(&reader, &bytes, &got), rows[i].got);
	if (rows[i].got != SMTP_REPLY_WHOLE)
		return;
	assert_int_equal(got.code, rows[i].code);
	assert_string_equal(got.status, rows[i].status);
	assert_string_equal(got.text, rows[i].text);
}

static void a_line_without_end_is_cut_off(void **state)
{
	struct smtp_reply_reader reader = { 0 };
	struct smtp_client_reply got;
	char line[SMTP_REPLY_LINE_MAX + 1];
	struct span bytes = { line, sizeof(line) };

	(void)state;
	memset(line, '2', sizeof(line));
	assert_int_equal(smtp_reply_read(&reader, &bytes, &got), SMTP_REPLY_BROKEN);
}

static void a_reply_without_end_is_cut_off(void **state)
{
	struct smtp_reply_reader reader = { 0 };
	struct smtp_client_reply got;
	AUTO_BUF lines = BUF_INIT(100000);
	struct span bytes;

	(void)state;
	for (int i = 0; i <= SMTP_REPLY_LINES_MAX; i++)
		assert_true(buf_append_text(&lines, "250-more\r\n"));
	bytes = buf_span(&lines);
	assert_int_equal(smtp_reply_read(&reader, &bytes, &got), SMTP_REPLY_BROKEN);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 2] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = reply;
		tests[i].initial_state = (void *)i;
	}
	tests[LENGTH(rows)] =
		(struct CMUnitTest)cmocka_unit_test(a_line_without_end_is_cut_off);
	tests[LENGTH(rows) + 1] =
		(struct CMUnitTest)cmocka_unit_test(a_reply_without_end_is_cut_off);
	return cmocka_run_group_tests_name("smtp reply", tests, NULL, NULL);
}
