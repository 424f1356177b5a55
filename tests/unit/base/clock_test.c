#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"

static void dates_are_utc_wherever_we_are(void **state)
{
	static const struct {
		int64_t wall_s;
		const char *mail, *json;
	} rows[] = {
		{ 0, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00Z" },
		{ 1795350601, "Sun, 22 Nov 2026 12:30:01 +0000", "2026-11-22T12:30:01Z" },
		{ 1709164800, "Thu, 29 Feb 2024 00:00:00 +0000", "2024-02-29T00:00:00Z" },
		{ INT64_C(4102444799), "Thu, 31 Dec 2099 23:59:59 +0000",
		  "2099-12-31T23:59:59Z" },
	};
	char text[CLOCK_TEXT_MAX];

	(void)state;
	setenv("TZ", "Asia/Jakarta", 1);
	tzset();
	for (size_t i = 0; i < LENGTH(rows); i++) {
		assert_string_equal(clock_format_rfc5322(rows[i].wall_s, text),
				    rows[i].mail);
		assert_string_equal(clock_format_rfc3339(rows[i].wall_s, text),
				    rows[i].json);
	}
}

static void durations_are_written_for_people(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = {
		{ -5, "0 s" },           { 0, "0 s" },
		{ 59, "59 s" },          { 60, "1 min" },
		{ 3599, "59 min" },      { 3600, "1 h 0 min" },
		{ 18600, "5 h 10 min" }, { 86399, "23 h 59 min" },
		{ 273600, "3 d 4 h" },   { INT64_MAX, "106751991167300 d 15 h" },
	};
	char text[CLOCK_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		assert_string_equal(clock_format_duration(rows[i].seconds, text),
				    rows[i].text);
}

static void the_wall_clock_is_as_short_as_it_is_clear(void **state)
{
	static const struct {
		int64_t later;
		const char *text;
	} rows[] = {
		{ 0, "13:00" },
		{ 3600, "14:00" },
		{ 23 * 3600L, "12:00" },
		{ 24 * 3600L, "Mon 13:00" },
		{ 5 * 86400L, "Fri 13:00" },
		{ 6 * 86400L, "28 Nov 13:00" },
		{ -3600, "22 Nov 12:00" },
	};
	const int64_t noon = 1795348800; /* Sunday, 22 November 2026, in UTC */
	char text[CLOCK_TEXT_MAX];

	(void)state;
	assert_int_equal(setenv("TZ", "XXX-1", 1), 0);
	for (size_t i = 0; i < LENGTH(rows); i++)
		assert_string_equal(clock_format_local(noon + rows[i].later, noon, text),
				    rows[i].text);
	/* The zone is looked up each time. */
	assert_int_equal(setenv("TZ", "XXX+1", 1), 0);
	assert_string_equal(clock_format_local(noon, noon, text), "11:00");
}

static void monotonic_time_does_not_go_back(void **state)
{
	int64_t before = clock_monotonic_ms();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t now = clock_monotonic_ms();

		assert_true(now >= before);
		before = now;
	}
}

static void a_boot_has_one_id(void **state)
{
	char one[CLOCK_TEXT_MAX], two[CLOCK_TEXT_MAX];

	(void)state;
	assert_string_equal(clock_boot_id(one), clock_boot_id(two));
	assert_null(strchr(one, '\n'));
}

static void a_clock_before_what_exists_is_no_clock(void **state)
{
	static const struct {
		int64_t now_s, newest_s;
		bool doubtful;
	} rows[] = {
		{ 0, 0, true },                    /* a board boots in 1970 */
		{ INT64_C(946684800), 0, true },   /* or in 2000, */
		{ INT64_C(1700000000), 0, true },  /* or before it was built */
		{ INT64_C(4000000000), 0, false }, /* the future is believed */
		{ INT64_C(4000000000), INT64_C(4000000000), false },
		{ INT64_C(4000000000), INT64_C(4000003600), false }, /* a day of grace */
		{ INT64_C(4000000000), INT64_C(4000090000), true },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		if (clock_is_doubtful(rows[i].now_s, rows[i].newest_s) !=
		    rows[i].doubtful)
			fail_msg("row %zu", i);
}

static void the_folders_of_a_root_are_witnesses(void **state)
{
	char root[] = "/tmp/lontar-clock-XXXXXX", spool[64], parked[64];
	struct timespec later[2] = { { .tv_sec = clock_wall_s() + 200000 },
				     { .tv_sec = clock_wall_s() + 200000 } };
	int fd;

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(spool, sizeof(spool), "%s/spool", root);
	snprintf(parked, sizeof(parked), "%s/spool/parked", root);
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_false(clock_in_doubt(fd)); /* it has none yet */
	assert_int_equal(mkdir(spool, 0700) | mkdir(parked, 0700), 0);
	assert_false(clock_in_doubt(fd));
	assert_int_equal(utimensat(AT_FDCWD, parked, later, 0), 0);
	assert_true(clock_in_doubt(fd));
	close(fd);
	rmdir(parked);
	rmdir(spool);
	rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_before_what_exists_is_no_clock),
		cmocka_unit_test(the_folders_of_a_root_are_witnesses),
		cmocka_unit_test(dates_are_utc_wherever_we_are),
		cmocka_unit_test(durations_are_written_for_people),
		cmocka_unit_test(the_wall_clock_is_as_short_as_it_is_clear),
		cmocka_unit_test(monotonic_time_does_not_go_back),
		cmocka_unit_test(a_boot_has_one_id),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
