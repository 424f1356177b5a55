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
	{ "a negative number is no code", "-25 ok\r\n", SMTP_REPLY_BROKEN, 0, "", "" },
	{ "a number of four digits is no code", "2500 ok\r\n", SMTP_REPLY_BROKEN, 0, "",
	  "" },
	{ "a code above 599 is handed up as it is", "600 ok\r\n", SMTP_REPLY_WHOLE, 600,
	  "4.5.0", "ok" },
	{ "a code below 200 is handed up as it is", "050 debug\r\n", SMTP_REPLY_WHOLE, 50,
	  "4.5.0", "debug" },
	{ "the last line's code counts if the lines differ", "250-ok\r\n550 no\r\n",
	  SMTP_REPLY_WHOLE, 550, "5.0.0", "ok no" },
	{ "the status is of the class of the last line's code",
	  "250-2.1.5 ok\r\n550 5.1.1 no\r\n", SMTP_REPLY_WHOLE, 550, "5.1.1",
	  "2.1.5 ok 5.1.1 no" },
	{ "a status of the other lines' class is only text", "550-5.1.1 no\r\n250 ok\r\n",
	  SMTP_REPLY_WHOLE, 250, "2.0.0", "5.1.1 no ok" },
	{ "the first line that has a status gives it",
	  "550-Blocked\r\n550-5.7.1 by policy\r\n550 5.7.26 of ours\r\n",
	  SMTP_REPLY_WHOLE, 550, "5.7.1", "Blocked 5.7.1 by policy 5.7.26 of ours" },
	{ "a line without digits within a reply is text of it",
	  "550-no\r\nbecause of <rule>\r\n\r\n550 end\r\n", SMTP_REPLY_WHOLE, 550,
	  "5.0.0", "no because of <rule> end" },
	{ "an address at the beginning of a line is no code",
	  "550-no\r\n127.0.0.2 is listed\r\n550 end\r\n", SMTP_REPLY_WHOLE, 550, "5.0.0",
	  "no 127.0.0.2 is listed end" },
	{ "the first three digits decide, whatever stands behind them", "550\tno\r\n",
	  SMTP_REPLY_WHOLE, 550, "5.0.0", "no" },
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

/* SMTP_REPLY_TEXT_MAX bytes of text and a good deal more, in front of the line's end. */
static void a_line_of_any_length_is_a_reply(void **state)
{
	struct smtp_reply_reader reader = { 0 };
	struct smtp_client_reply got;
	AUTO_BUF bytes = BUF_INIT(200000);
	struct span rest;

	(void)state;
	assert_true(buf_append_text(&bytes, "554-5.2.252 SendAsDenied; "));
	for (size_t i = 0; i < 100000; i++)
		assert_true(buf_append_byte(&bytes, '5'));
	assert_true(buf_append_text(&bytes, "\r\n554 the end\r\n250 next\r\n"));
	rest = buf_span(&bytes);
	assert_int_equal(smtp_reply_read(&reader, &rest, &got), SMTP_REPLY_WHOLE);
	assert_int_equal(got.code, 554);
	assert_string_equal(got.status, "5.2.252");
	assert_int_equal(strlen(got.text), SMTP_REPLY_TEXT_MAX - 1);
	assert_memory_equal(got.text, "5.2.252 SendAsDenied; 555", 25);
	assert_int_equal(smtp_reply_read(&reader, &rest, &got), SMTP_REPLY_WHOLE);
	assert_string_equal(got.text, "next");
}

static void a_reply_may_have_any_number_of_lines(void **state)
{
	struct smtp_reply_reader reader = { 0 };
	struct smtp_client_reply got;
	AUTO_BUF lines = BUF_INIT(200000);
	struct span rest;

	(void)state;
	for (int i = 0; i < 10000; i++)
		assert_true(buf_append_text(&lines, "250-more\r\n"));
	assert_true(buf_append_text(&lines, "550 no\r\n"));
	rest = buf_span(&lines);
	assert_int_equal(smtp_reply_read(&reader, &rest, &got), SMTP_REPLY_WHOLE);
	assert_int_equal(got.code, 550);
}

static void a_reply_without_end_is_given_up_after_a_mebibyte(void **state)
{
	static const char line[] = "250-more\r\n";
	struct smtp_reply_reader reader = { 0 };
	struct smtp_client_reply got;
	size_t fed = 0;

	(void)state;
	for (;;) {
		struct span bytes = { line, sizeof(line) - 1 };

		if (smtp_reply_read(&reader, &bytes, &got) == SMTP_REPLY_BROKEN)
			break;
		fed += sizeof(line) - 1;
		assert_true(fed <= SMTP_REPLY_BYTES_MAX);
	}
	assert_true(fed > SMTP_REPLY_BYTES_MAX - sizeof(line));
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(a_line_of_any_length_is_a_reply),
		cmocka_unit_test(a_reply_may_have_any_number_of_lines),
		cmocka_unit_test(a_reply_without_end_is_given_up_after_a_mebibyte),
	};
	struct CMUnitTest tests[LENGTH(rows) + LENGTH(more)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = reply;
		tests[i].initial_state = (void *)i;
	}
	for (size_t i = 0; i < LENGTH(more); i++)
		tests[LENGTH(rows) + i] = more[i];
	return cmocka_run_group_tests_name("smtp reply", tests, NULL, NULL);
}
