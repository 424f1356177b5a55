/* When the gateway calls by itself. Local time is Berlin's; 2026-11-22 is a Sunday. */
#include "link/callwhen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/attr.h"

#define LINES_MAX 3

static bool read_lines(const char *const *lines, struct callwhen *callwhen_out,
		       struct err *err)
{
	char name[] = "line";
	struct linkfile link = { .name = name };
	bool read;

	for (unsigned i = 0; i < LINES_MAX && lines[i]; i++)
		settings_list_add(&link.callwhen, span_of(lines[i]), i + 1);
	read = callwhen_read(&link, callwhen_out, err);
	settings_list_clear(&link.callwhen);
	return read;
}

/* "2026-11-22 07:00", or with " UTC" behind it */
static int64_t at(const char *text)
{
	struct tm tm = { .tm_isdst = -1 };
	const char *end;

	if (!text)
		return 0;
	if (strcmp(text, "never") == 0)
		return INT64_MAX;
	end = strptime(text, "%Y-%m-%d %H:%M", &tm);
	assert_non_null(end);
	return *end ? timegm(&tm) : mktime(&tm);
}

static const struct {
	const char *title;
	const char *lines[LINES_MAX];
	const char *now, *last; /* last: default a minute before */
	unsigned messages;
	const char *oldest, *urgent, *retry;
	bool call;
	const char *again;
	const char *why;
} rows[] = {
	{ .title = "nothing set: never", .now = "2026-11-22 12:00", .again = "never" },
	{ .title = "enough messages call",
	  .lines = { "3 messages wait" },
	  .now = "2026-11-22 12:00",
	  .messages = 3,
	  .call = true,
	  .why = "3 messages wait" },
	{ .title = "fewer do not",
	  .lines = { "3 messages" },
	  .now = "2026-11-22 12:00",
	  .messages = 2,
	  .oldest = "2026-11-20 12:00",
	  .again = "never" },
	{ .title = "enough messages wait for their hours",
	  .lines = { "1 message waits between 06:00-22:00" },
	  .now = "2026-11-22 23:00",
	  .messages = 9,
	  .again = "2026-11-23 06:00" },
	{ .title = "hours of their own line are for all that have none",
	  .lines = { "1 message", "between mon-fri 08:00-17:00" },
	  .now = "2026-11-22 12:00",
	  .messages = 1,
	  .again = "2026-11-23 08:00" },
	{ .title = "urgent mail calls at night where it may",
	  .lines = { "1 message", "between 06:00-22:00", "urgent between 00:00-24:00" },
	  .now = "2026-11-22 23:00",
	  .messages = 1,
	  .oldest = "2026-11-22 22:59",
	  .urgent = "2026-11-22 22:59",
	  .call = true,
	  .why = "urgent between 00:00-24:00" },
	{ .title = "the oldest calls when its time has come",
	  .lines = { "oldest waits 2h" },
	  .now = "2026-11-22 12:00",
	  .messages = 1,
	  .oldest = "2026-11-22 10:00",
	  .call = true,
	  .why = "oldest waits 2h" },
	{ .title = "mail that was greylisted has a call of its own",
	  .lines = { "daily 07:00" },
	  .now = "2026-11-22 07:05",
	  .last = "2026-11-22 07:00",
	  .retry = "2026-11-22 07:10",
	  .again = "2026-11-22 07:10",
	  .why = "a server has asked for mail to be sent again" },
	{ .title = "when its time has come it calls",
	  .lines = { "daily 07:00" },
	  .now = "2026-11-22 07:10",
	  .last = "2026-11-22 07:00",
	  .retry = "2026-11-22 07:10",
	  .call = true },
	{ .title = "within the hours that are for all",
	  .lines = { "daily 07:00", "between 06:00-08:00" },
	  .now = "2026-11-22 07:59",
	  .last = "2026-11-22 07:00",
	  .retry = "2026-11-22 08:03",
	  .again = "2026-11-23 06:00" },
	{ .title = "without a line the gateway never calls",
	  .now = "2026-11-22 07:10",
	  .retry = "2026-11-22 07:10",
	  .again = "never" },
	{ .title = "before it is known when that will be",
	  .lines = { "oldest 2h" },
	  .now = "2026-11-22 11:00",
	  .messages = 1,
	  .oldest = "2026-11-22 10:00",
	  .again = "2026-11-22 12:00" },
	{ .title = "its time may come outside the hours",
	  .lines = { "oldest waits 2h between 06:00-22:00" },
	  .now = "2026-11-22 21:30",
	  .messages = 1,
	  .oldest = "2026-11-22 21:00",
	  .again = "2026-11-23 06:00" },
	{ .title = "a message from the future has just come",
	  .lines = { "oldest waits 2h" },
	  .now = "2026-11-22 12:00",
	  .messages = 1,
	  .oldest = "2027-01-01 00:00",
	  .again = "2026-11-22 14:00" },
	{ .title = "every four hours since the last call",
	  .lines = { "every 4h" },
	  .now = "2026-11-22 12:00",
	  .last = "2026-11-22 09:30",
	  .again = "2026-11-22 13:30" },
	{ .title = "every four hours, and they are over",
	  .lines = { "every 4h" },
	  .now = "2026-11-22 12:00",
	  .last = "2026-11-22 08:00",
	  .call = true },
	{ .title = "a clock that was put back does not stop the calls",
	  .lines = { "every 4h" },
	  .now = "2026-11-22 12:00",
	  .last = "2036-11-22 08:00",
	  .again = "2026-11-22 16:00" },
	{ .title = "a time of day that has come calls",
	  .lines = { "daily 07:00" },
	  .now = "2026-11-22 07:00",
	  .last = "2026-11-21 07:00",
	  .call = true },
	{ .title = "once: after the call it is tomorrow's",
	  .lines = { "daily 07:00" },
	  .now = "2026-11-22 07:05",
	  .last = "2026-11-22 07:01",
	  .again = "2026-11-23 07:00" },
	{ .title = "a time that was missed is made up for within an hour",
	  .lines = { "07:00" },
	  .now = "2026-11-22 07:59",
	  .last = "2026-11-21 07:00",
	  .call = true },
	{ .title = "and not after it",
	  .lines = { "07:00" },
	  .now = "2026-11-22 08:00",
	  .last = "2026-11-21 07:00",
	  .again = "2026-11-23 07:00" },
	{ .title = "as long as its hours last, where it has some",
	  .lines = { "daily 07:00 between 07:00-12:00" },
	  .now = "2026-11-22 11:59",
	  .last = "2026-11-21 07:00",
	  .call = true },
	{ .title = "and no longer",
	  .lines = { "daily 07:00 between 07:00-12:00" },
	  .now = "2026-11-22 12:00",
	  .last = "2026-11-21 07:00",
	  .again = "2026-11-23 07:00" },
	{ .title = "days of the week",
	  .lines = { "mon-fri 12:30" },
	  .now = "2026-11-21 13:00",
	  .last = "2026-11-20 12:30",
	  .again = "2026-11-23 12:30" },
	{ .title = "a time of day is the wall's, summer and winter",
	  .lines = { "daily 07:00" },
	  .now = "2026-10-24 08:30",
	  .last = "2026-10-24 07:00",
	  .again = "2026-10-25 07:00" },
	{ .title = "what the clock shows twice that night is the first of the two",
	  .lines = { "daily 02:15" },
	  .now = "2026-10-25 01:57",
	  .again = "2026-10-25 00:15 UTC" },
	{ .title = "and once called, not the second",
	  .lines = { "daily 02:15" },
	  .now = "2026-10-25 00:50 UTC",
	  .last = "2026-10-25 00:20 UTC",
	  .again = "2026-10-26 02:15" },
	{ .title = "what it does not show that night is an hour later",
	  .lines = { "daily 02:15" },
	  .now = "2026-03-29 01:57",
	  .again = "2026-03-29 03:15" },
	{ .title = "of several the first to come",
	  .lines = { "every 4h", "daily 07:00", "oldest waits 2h" },
	  .now = "2026-11-22 06:00",
	  .last = "2026-11-22 05:00",
	  .oldest = "2026-11-22 05:30",
	  .again = "2026-11-22 07:00",
	  .why = "daily 07:00" },
};

static void verdict(void **state)
{
	size_t i = (uintptr_t)*state;
	struct callwhen callwhen;
	struct callwhen_facts facts = {
		.now = at(rows[i].now),
		.last = rows[i].last ? at(rows[i].last) : at(rows[i].now) - 60,
		.messages = rows[i].messages,
		.oldest = at(rows[i].oldest),
		.urgent = at(rows[i].urgent),
		.retry = at(rows[i].retry),
	};
	struct callwhen_verdict verdict;
	struct err err = { 0 };

	if (!read_lines(rows[i].lines, &callwhen, &err))
		fail_msg("%s", err.text);
	callwhen_decide(&callwhen, &facts, &verdict);
	assert_int_equal(verdict.call, rows[i].call);
	if (rows[i].again)
		assert_int_equal(verdict.again, at(rows[i].again));
	if (rows[i].why)
		assert_string_equal(verdict.why, rows[i].why);
	callwhen_clear(&callwhen);
}

static void what_makes_no_sense_is_told_with_its_line(void **state)
{
	static const char *const wrong[] = {
		"sometimes",
		"0 messages wait",
		"many messages",
		"3",
		"3 letters wait",
		"oldest",
		"oldest waits",
		"oldest waits long",
		"oldest waits 0",
		"every",
		"every day",
		"every 4h now",
		"urgent mail",
		"between",
		"urgent between",
		"urgent between noon",
		"daily",
		"7:0",
		"daily 25:00",
		"noday 07:00",
		"-1 messages wait",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(wrong); i++) {
		const char *lines[LINES_MAX] = { "urgent", wrong[i] };
		struct callwhen callwhen;
		struct err err = { 0 };

		if (read_lines(lines, &callwhen, &err))
			fail_msg("\"%s\" was taken", wrong[i]);
		assert_int_equal(err.exit_code, EX_CONFIG);
		assert_non_null(strstr(err.text, "control/links/line:2: "));
	}
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = { 0 };

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = verdict;
		tests[i].initial_state = (void *)(uintptr_t)i;
	}
	tests[LENGTH(rows)] = (struct CMUnitTest)cmocka_unit_test(
		what_makes_no_sense_is_told_with_its_line);
	return cmocka_run_group_tests_name("callwhen", tests, NULL, NULL);
}
