/* What a server's last reply was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "net/said.h"

static const struct {
	const char *title;
	const char *lines[4];
	const char *status, *text, *story;
	unsigned code;
	bool foreign, is_refusal;
} rows[] = {
	{ .title = "code, status and words part",
	  .lines = { "535 5.7.8 Error: authentication failed" },
	  .code = 535,
	  .status = "5.7.8",
	  .text = "Error: authentication failed",
	  .story = "535 5.7.8 Error: authentication failed",
	  .is_refusal = true },
	{ .title = "the lines of one reply are joined, the status told once",
	  .lines = { "554-5.7.1 blocked", "554-5.7.1 using zen.example",
		     "554 5.7.1 go away" },
	  .code = 554,
	  .status = "5.7.1",
	  .text = "blocked using zen.example go away",
	  .story = "554 5.7.1 blocked using zen.example go away",
	  .is_refusal = true },
	{ .title = "a new reply begins anew",
	  .lines = { "502 5.5.2 no", "250-isp", "250 SIZE" },
	  .code = 250,
	  .status = "",
	  .text = "isp SIZE",
	  .story = "250 isp SIZE" },
	{ .title = "a number with dots is not always a status",
	  .lines = { "421 4.7 isp 10.0.0.1 closing" },
	  .code = 421,
	  .status = "",
	  .text = "4.7 isp 10.0.0.1 closing",
	  .story = "421 4.7 isp 10.0.0.1 closing",
	  .is_refusal = true },
	{ .title = "a code alone is a reply",
	  .lines = { "421" },
	  .code = 421,
	  .status = "",
	  .text = "",
	  .story = "421 ",
	  .is_refusal = true },
	{ .title = "a web server is none of ours",
	  .lines = { "HTTP/1.1 302 Found" },
	  .foreign = true,
	  .status = "",
	  .text = "HTTP/1.1 302 Found",
	  .story = "HTTP/1.1 302 Found" },
	{ .title = "nor is POP3, and what cannot be printed is not",
	  .lines = { "+OK \033[31mready" },
	  .foreign = true,
	  .status = "",
	  .text = "+OK ?[31mready",
	  .story = "+OK ?[31mready" },
};

static void replies(void **state)
{
	size_t i = (uintptr_t)*state;
	struct said said = { 0 };
	char story[SAID_TEXT_MAX];
	bool known = true;

	for (size_t line = 0; line < LENGTH(rows[i].lines) && rows[i].lines[line]; line++)
		known = said_smtp(&said, span_of(rows[i].lines[line]));
	assert_int_equal(known, !rows[i].foreign);
	assert_int_equal(said.code, rows[i].code);
	assert_string_equal(said.status, rows[i].status);
	assert_string_equal(said.text, rows[i].text);
	assert_int_equal(said.is_refusal, rows[i].is_refusal);
	assert_string_equal(said_story(&said, story, sizeof(story)), rows[i].story);
}

static void a_reply_without_end_is_cut(void **state)
{
	struct said said = { 0 };
	char story[20];

	(void)state;
	for (int i = 0; i < 200; i++)
		assert_true(said_smtp(&said, span_of("550-5.1.1 no such user here")));
	assert_int_equal(strlen(said.text), SAID_TEXT_MAX - 1);
	said_story(&said, story, sizeof(story));
	assert_string_equal(story, "550 5.1.1 no such u");
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = {
		[LENGTH(rows)] = cmocka_unit_test(a_reply_without_end_is_cut)
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = replies;
		tests[i].initial_state = (void *)(uintptr_t)i;
	}
	return cmocka_run_group_tests_name("said", tests, NULL, NULL);
}
