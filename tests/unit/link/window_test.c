#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "link/window.h"

#define BERLIN      "CET-1CEST,M3.5.0/2,M10.5.0/3"
#define WINDOWS_MAX 3

/* Local time as a clock shows it; of a time that is shown twice, the first. */
static int64_t at(const char *zone, const char *text)
{
	struct tm tm = { .tm_isdst = -1 };

	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
	assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
	if (tm.tm_mon == 9)
		tm.tm_isdst = 1;
	return (int64_t)mktime(&tm);
}

static const struct {
	const char *title;
	const char *windows[WINDOWS_MAX];
	const char *now;
	bool open;
	const char *change; /* NULL: never */
} rows[] = {
	{ "without a window a link is open",
	  { NULL },
	  "2026-11-22 12:00:00",
	  true,
	  NULL },
	{ "a window opens at its minute",
	  { "daily 02:00-02:20" },
	  "2026-11-22 01:59:59",
	  false,
	  "2026-11-22 02:00:00" },
	{ "and is open from its first second",
	  { "daily 02:00-02:20" },
	  "2026-11-22 02:00:00",
	  true,
	  "2026-11-22 02:20:00" },
	{ "until before its last minute",
	  { "daily 02:00-02:20" },
	  "2026-11-22 02:19:59",
	  true,
	  "2026-11-22 02:20:00" },
	{ "and opens again the next day",
	  { "daily 02:00-02:20" },
	  "2026-11-22 02:20:00",
	  false,
	  "2026-11-23 02:00:00" },
	{ "a night belongs to the day it begins",
	  { "fri 18:00-08:00" },
	  "2026-11-28 07:00:00",
	  true,
	  "2026-11-28 08:00:00" },
	{ "and not to the day it ends",
	  { "fri 18:00-08:00" },
	  "2026-11-27 07:00:00",
	  false,
	  "2026-11-27 18:00:00" },
	{ "nights and days join",
	  { "mon-fri 18:00-08:00", "sat,sun" },
	  "2026-11-27 20:00:00",
	  true,
	  "2026-11-30 00:00:00" },
	{ "two windows that touch are one",
	  { "daily 02:00-03:00", "daily 03:00-04:00" },
	  "2026-11-22 02:30:00",
	  true,
	  "2026-11-22 04:00:00" },
	{ "two that overlap too",
	  { "daily 02:00-03:30", "daily 03:00-04:00", "daily 02:10-02:20" },
	  "2026-11-22 02:15:00",
	  true,
	  "2026-11-22 04:00:00" },
	{ "the whole week never closes",
	  { "mon-sun" },
	  "2026-11-22 12:00:00",
	  true,
	  NULL },
	{ "nor do days and nights",
	  { "daily 06:00-18:00", "daily 18:00-06:00" },
	  "2026-11-22 12:00:00",
	  true,
	  NULL },
	{ "a week's window waits its week",
	  { "sun 10:00-11:00" },
	  "2026-11-22 11:00:00",
	  false,
	  "2026-11-29 10:00:00" },
	/* Clocks go from 02:00 to 03:00 on 29 March, and from 03:00 to 02:00 on 25
	   October 2026. */
	{ "a skipped window opens the next night",
	  { "daily 02:00-02:20" },
	  "2026-03-29 01:00:00",
	  false,
	  "2026-03-30 02:00:00" },
	{ "half a skipped one opens late",
	  { "daily 02:30-03:30" },
	  "2026-03-29 01:00:00",
	  false,
	  "2026-03-29 03:00:00" },
	{ "and one that reaches into the gap closes there",
	  { "daily 01:30-02:30" },
	  "2026-03-29 01:30:00",
	  true,
	  "2026-03-29 03:00:00" },
	{ "a skipped week's window opens the week after",
	  { "sun 02:00-03:00" },
	  "2026-03-29 01:00:00",
	  false,
	  "2026-04-05 02:00:00" },
	{ "a window in the doubled hour opens in the first",
	  { "daily 02:00-02:20" },
	  "2026-10-25 01:00:00",
	  false,
	  "2026-10-25 02:00:00" },
	{ "one over the doubled hour is longer",
	  { "daily 01:00-03:00" },
	  "2026-10-25 00:00:00",
	  false,
	  "2026-10-25 01:00:00" },
};

static void row(void **state)
{
	size_t i = (uintptr_t)*state, count = 0;
	struct link_window windows[WINDOWS_MAX];
	int64_t now = at(BERLIN, rows[i].now), change;
	struct err err;

	for (; count < WINDOWS_MAX && rows[i].windows[count]; count++)
		assert_true(link_window_parse(span_of(rows[i].windows[count]),
					      &windows[count], &err));
	assert_int_equal(window_is_open(windows, count, now), rows[i].open);
	change = rows[i].change ? at(BERLIN, rows[i].change) : INT64_MAX;
	assert_int_equal(window_change(windows, count, now), change);
	if (!rows[i].change)
		return;
	assert_int_equal(window_is_open(windows, count, change - 1), rows[i].open);
	assert_int_equal(window_is_open(windows, count, change), !rows[i].open);
}

static void the_doubled_hour_opens_a_window_twice(void **state)
{
	struct link_window window;
	int64_t now = at(BERLIN, "2026-10-25 02:20:00");
	struct err err;

	(void)state;
	assert_true(link_window_parse(span_of("daily 02:00-02:20"), &window, &err));
	assert_false(window_is_open(&window, 1, now));
	assert_int_equal(window_change(&window, 1, now), now + 2400);
	assert_int_equal(window_change(&window, 1, now + 2400), now + 3600);
}

static void a_window_over_the_doubled_hour_ends_with_the_second(void **state)
{
	struct link_window window;
	int64_t now = at(BERLIN, "2026-10-25 01:00:00");
	struct err err;

	(void)state;
	assert_true(link_window_parse(span_of("daily 01:00-03:00"), &window, &err));
	assert_int_equal(window_change(&window, 1, now), now + INT64_C(3) * 3600);
}

static void a_zone_that_changes_moves_the_windows(void **state)
{
	struct link_window window;
	int64_t now = at("UTC0", "2026-11-22 02:10:00");
	struct err err;

	(void)state;
	assert_true(link_window_parse(span_of("daily 02:00-02:20"), &window, &err));
	assert_true(window_is_open(&window, 1, now));
	assert_int_equal(setenv("TZ", "XXX-1", 1), 0);
	assert_false(window_is_open(&window, 1, now));
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 3] = {
		cmocka_unit_test(the_doubled_hour_opens_a_window_twice),
		cmocka_unit_test(a_window_over_the_doubled_hour_ends_with_the_second),
		cmocka_unit_test(a_zone_that_changes_moves_the_windows),
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i + 3].name = rows[i].title;
		tests[i + 3].test_func = row;
		tests[i + 3].initial_state = (void *)(uintptr_t)i;
	}
	return cmocka_run_group_tests_name("windows", tests, NULL, NULL);
}
