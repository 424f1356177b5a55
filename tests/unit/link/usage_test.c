#include "../folder.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "link/budget.h"
#include "link/ledger.h"
#include "link/period.h"
#include "link/usage.h"

#define HOUR INT64_C(3600)
#define KB   UINT64_C(1024)

static char folder[TEST_FOLDER_MAX];
static int root_fd, control_fd;

static int make_root(void **state)
{
	static const char *const folders[] = { "spool", "spool/state", "control",
					       "control/links" };

	(void)state;
	root_fd = test_folder_make(folder);
	test_folder_add(root_fd, folders);
	control_fd = openat(root_fd, "control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(setenv("TZ", "UTC0", 1), 0);
	return 0;
}

static int remove_root(void **state)
{
	(void)state;
	close(control_fd);
	close(root_fd);
	return test_folder_remove(folder);
}

static void put(const char *path, const char *text)
{
	struct err err;

	assert_true(file_replace(root_fd, path, text, strlen(text), 0600, &err));
}

static struct linkfile link_of(const char *text)
{
	struct linkfile file;
	struct err err;

	put("control/links/ppp", text);
	if (!linkfile_load(control_fd, "ppp", &file, NULL, &err))
		fail_msg("%s", err.text);
	return file;
}

static int64_t at(const char *text)
{
	struct tm tm = { .tm_isdst = -1 };

	tzset();
	assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
	return (int64_t)mktime(&tm);
}

static void use(struct usage *usage, const struct linkfile *file, int64_t now,
		uint64_t bytes)
{
	usage_set_call(usage, file, now, usage->call.bytes + bytes, usage->call.seconds);
}

static uint64_t used(const struct usage *usage, enum link_period period)
{
	return usage->periods[period].used[LINK_BYTES];
}

static void what_a_call_uses_counts_in_all_periods(void **state)
{
	struct linkfile file = link_of("cost 0.05 EUR per minute, 1 EUR per call\n");
	int64_t now = at("2026-11-22 12:00");
	struct usage usage = { 0 };

	(void)state;
	usage_begin_call(&usage, &file, now, now);
	usage_set_call(&usage, &file, now, 100, 61);
	for (size_t i = 0; i < LINK_PERIODS; i++) {
		assert_int_equal(usage.periods[i].used[LINK_BYTES], 100);
		assert_int_equal(usage.periods[i].used[LINK_SECONDS], 61);
		assert_int_equal(usage.periods[i].used[LINK_CALLS], 1);
		/* A minute that is begun is paid. */
		assert_int_equal(usage.periods[i].used[LINK_MONEY],
				 LINK_MONEY_ONE * 110 / 100);
	}
	linkfile_clear(&file);
}

static void a_new_day_begins_anew_and_the_month_goes_on(void **state)
{
	struct linkfile file = link_of("");
	struct usage usage = { 0 };

	(void)state;
	use(&usage, &file, at("2026-11-21 23:59"), 10);
	use(&usage, &file, at("2026-11-22 00:00"), 5);
	assert_int_equal(used(&usage, LINK_DAY), 5);
	assert_int_equal(used(&usage, LINK_WEEK), 15);
	use(&usage, &file, at("2026-11-23 00:00"), 1); /* a Monday */
	assert_int_equal(used(&usage, LINK_WEEK), 1);
	assert_int_equal(used(&usage, LINK_MONTH), 16);
	use(&usage, &file, at("2026-12-01 00:00"), 1);
	assert_int_equal(used(&usage, LINK_MONTH), 1);
	linkfile_clear(&file);
}

static void a_month_begins_on_the_day_of_the_bill(void **state)
{
	struct linkfile file = link_of("budget 1m per month from 15\n");
	struct usage usage = { 0 };

	(void)state;
	use(&usage, &file, at("2026-12-14 23:59"), 10);
	assert_int_equal(usage.periods[LINK_MONTH].first_day, 20261115);
	use(&usage, &file, at("2026-12-15 00:00"), 5);
	assert_int_equal(used(&usage, LINK_MONTH), 5);
	assert_int_equal(period_end(LINK_MONTH, 20261215), at("2027-01-15 00:00"));
	linkfile_clear(&file);
}

static uint64_t left(const struct usage *usage, const struct linkfile *file)
{
	return budget_left(&file->budgets[0], &usage->periods[file->budgets[0].period]);
}

static void what_is_left_is_carried_and_no_more_than_once(void **state)
{
	struct linkfile file = link_of("budget 100k per day carried\n");
	struct usage usage = { 0 };

	(void)state;
	use(&usage, &file, at("2026-11-20 12:00"), 70 * KB);
	usage_turn(&usage, &file, at("2026-11-21 12:00"));
	assert_int_equal(left(&usage, &file), 130 * KB);
	use(&usage, &file, at("2026-11-21 12:00"), 10 * KB);
	usage_turn(&usage, &file, at("2026-11-22 12:00"));
	assert_int_equal(left(&usage, &file), 200 * KB);
	use(&usage, &file, at("2026-11-22 12:00"), 250 * KB);
	usage_turn(&usage, &file, at("2026-11-23 12:00"));
	assert_int_equal(left(&usage, &file), 100 * KB);
	/* Of the days in between nothing was used. */
	use(&usage, &file, at("2026-11-23 12:00"), 100 * KB);
	usage_turn(&usage, &file, at("2026-11-30 12:00"));
	assert_int_equal(left(&usage, &file), 200 * KB);
	linkfile_clear(&file);
}

static void a_clock_that_starts_in_1970_each_time_gives_nothing_twice(void **state)
{
	struct linkfile file = link_of("");
	int64_t now = at("2026-11-22 12:00");
	struct usage usage = { 0 };

	(void)state;
	use(&usage, &file, now, 10);
	use(&usage, &file, 100, 10);
	assert_int_equal(used(&usage, LINK_DAY), 20);
	use(&usage, &file, now + 60, 10);
	assert_int_equal(used(&usage, LINK_DAY), 30);
	assert_int_equal(used(&usage, LINK_MONTH), 30);
	linkfile_clear(&file);
}

static void a_clock_that_was_ahead_closes_nothing_for_ever(void **state)
{
	struct linkfile file = link_of("");
	int64_t now = at("2026-11-22 12:00");
	struct usage usage = { 0 };

	(void)state;
	use(&usage, &file, at("2038-01-01 00:00"), 10);
	for (int64_t hour = 0; hour < 23; hour++)
		usage_pass(&usage, &file, now + hour * HOUR, 3600);
	use(&usage, &file, now + 23 * HOUR, 5);
	assert_int_equal(used(&usage, LINK_DAY), 15);
	usage_pass(&usage, &file, now + 24 * HOUR, 3600);
	use(&usage, &file, now + 25 * HOUR, 5);
	assert_int_equal(used(&usage, LINK_DAY), 5);
	assert_int_equal(usage.periods[LINK_DAY].first_day, 20261123);
	assert_int_equal(used(&usage, LINK_MONTH), 20);
	linkfile_clear(&file);
}

static void a_boat_that_crosses_zones_has_one_budget_a_day(void **state)
{
	struct linkfile file = link_of("");
	struct usage usage = { 0 };

	(void)state;
	use(&usage, &file, at("2026-11-22 01:00"), 10);
	assert_int_equal(setenv("TZ", "XXX+5", 1), 0); /* it is the 21st there */
	use(&usage, &file, at("2026-11-21 20:01"), 10);
	use(&usage, &file, at("2026-11-22 20:00"), 10);
	assert_int_equal(used(&usage, LINK_DAY), 30);
	linkfile_clear(&file);
}

static void a_midnight_that_the_clock_skips_is_an_hour_later(void **state)
{
	(void)state;
	/* Clocks go from 24:00 to 01:00. */
	assert_int_equal(setenv("TZ", "XXX0XXD,M11.4.0/0,M3.1.0/0", 1), 0);
	assert_int_equal(period_end(LINK_DAY, 20261121), at("2026-11-22 01:00"));
	assert_int_equal(period_of(LINK_DAY, 1, at("2026-11-22 01:00") - 1), 20261121);
}

static void write_twice(uint64_t bytes)
{
	struct linkfile file = link_of("");
	int64_t now = at("2026-11-22 12:00");
	struct usage usage;
	struct err err;

	usage_read(root_fd, "ppp", &usage);
	use(&usage, &file, now, bytes);
	assert_true(usage_write(root_fd, "ppp", &usage, &err));
	use(&usage, &file, now, 1);
	assert_true(usage_write(root_fd, "ppp", &usage, &err));
	linkfile_clear(&file);
}

static void what_is_written_is_read_again(void **state)
{
	struct usage usage;

	(void)state;
	write_twice(10);
	usage_read(root_fd, "ppp", &usage);
	assert_false(usage.damaged);
	assert_int_equal(used(&usage, LINK_MONTH), 11);
	assert_int_equal(usage.periods[LINK_WEEK].first_day, 20261116);
}

static const char *const torn[] = { "", "serial=9\n", "serial=99\nend=9", "\n\n=\n" };

static void of_a_torn_file_the_one_before_counts(void **state)
{
	struct usage usage;

	(void)state;
	write_twice(10);
	for (size_t i = 0; i < LENGTH(torn); i++) {
		put("spool/state/usage/ppp", torn[i]);
		usage_read(root_fd, "ppp", &usage);
		assert_int_equal(used(&usage, LINK_MONTH), 10);
	}
}

static void of_two_torn_files_all_is_used_until_the_period_ends(void **state)
{
	struct linkfile file;
	struct usage usage;

	(void)state;
	write_twice(10);
	put("spool/state/usage/ppp", "");
	put("spool/state/usage/ppp~", "serial=1\n");
	file = link_of("budget 1m per day carried\n");
	usage_read(root_fd, "ppp", &usage);
	usage_turn(&usage, &file, at("2026-11-22 13:00"));
	assert_int_equal(left(&usage, &file), 0);
	use(&usage, &file, at("2026-11-22 13:00"), 10);
	assert_int_equal(left(&usage, &file), 0);
	usage_turn(&usage, &file, at("2026-11-23 00:00"));
	assert_int_equal(left(&usage, &file), 1 << 20);
	linkfile_clear(&file);
}

static struct link_note note_of(int64_t since)
{
	struct link_note note = { .name = "ppp", .up = true, .since = since };

	return note;
}

static void files_that_a_person_removes_begin_anew(void **state)
{
	struct linkfile file = link_of("");
	int64_t now = clock_wall_s();
	struct link_note note = note_of(now);
	struct ledger ledger;
	struct err err;

	(void)state;
	ledger_open(&ledger, root_fd, "ppp");
	ledger_count(&ledger, &file, &note, now);
	ledger_add(&ledger, &file, now, 1000);
	assert_true(ledger_write(&ledger, &err));
	assert_int_equal(unlinkat(root_fd, "spool/state/usage/ppp~", 0), 0);
	ledger_add(&ledger, &file, now, 10);
	assert_true(ledger_write(&ledger, &err));
	assert_int_equal(used(&ledger.usage, LINK_DAY), 0);
	linkfile_clear(&file);
}

static void what_the_line_says_at_the_end_is_the_truth(void **state)
{
	struct linkfile file = link_of("cost 0.10 EUR per minute\n");
	const struct link_call told = { true, true, 700, 59 };
	int64_t now = clock_wall_s();
	struct link_note note = note_of(now - 65);
	struct ledger ledger;

	(void)state;
	ledger_open(&ledger, root_fd, "ppp");
	ledger_count(&ledger, &file, &note, now);
	ledger_add(&ledger, &file, now, 1000);
	assert_int_equal(ledger.usage.periods[LINK_DAY].used[LINK_MONEY],
			 LINK_MONEY_ONE / 5);
	note.up = false;
	ledger_count(&ledger, &file, &note, now);
	ledger_correct(&ledger, &file, now, &told);
	ledger_correct(&ledger, &file, now, &told);
	ledger_add(&ledger, &file, now, 50); /* a worker's last word */
	assert_int_equal(used(&ledger.usage, LINK_DAY), 700);
	assert_int_equal(ledger.usage.periods[LINK_DAY].used[LINK_SECONDS], 59);
	assert_int_equal(ledger.usage.periods[LINK_DAY].used[LINK_MONEY],
			 LINK_MONEY_ONE / 10);
	linkfile_clear(&file);
}

static void a_restart_in_the_middle_of_a_call_loses_and_doubles_nothing(void **state)
{
	struct linkfile file = link_of("");
	int64_t now = clock_wall_s();
	struct link_note note = note_of(now);
	struct ledger ledger;
	struct err err;

	(void)state;
	ledger_open(&ledger, root_fd, "ppp");
	ledger_count(&ledger, &file, &note, now);
	ledger_add(&ledger, &file, now, 1000);
	ledger.usage.counted.ms -= 5000; /* the last count is five seconds ago */
	assert_true(ledger_write(&ledger, &err));
	ledger_open(&ledger, root_fd, "ppp");
	ledger_count(&ledger, &file, &note, now);
	assert_int_equal(ledger.usage.call.seconds, 5);
	assert_int_equal(ledger.usage.call.bytes, 1000);
	assert_int_equal(ledger.usage.periods[LINK_DAY].used[LINK_CALLS], 1);
	linkfile_clear(&file);
}

static void an_interface_is_counted_whatever_crosses_it(void **state)
{
	struct linkfile file = link_of("interface lo\n");
	int64_t now = clock_wall_s();
	struct link_note note = note_of(now);
	struct ledger ledger;

	(void)state;
	ledger_open(&ledger, root_fd, "ppp");
	ledger_count(&ledger, &file, &note, now);
	if (!ledger.usage.counted.has_interface)
		skip();
	assert_int_equal(ledger.usage.call.bytes, 0);
	ledger_add(&ledger, &file, now, 1000);
	assert_int_equal(ledger.usage.call.bytes, 0);
	/* Made anew meanwhile. */
	ledger.usage.counted.interface_bytes = UINT64_MAX;
	ledger_count(&ledger, &file, &note, now);
	assert_true(ledger.usage.call.bytes < UINT64_MAX / 2);
	linkfile_clear(&file);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_call_uses_counts_in_all_periods),
		TEST(a_new_day_begins_anew_and_the_month_goes_on),
		TEST(a_month_begins_on_the_day_of_the_bill),
		TEST(what_is_left_is_carried_and_no_more_than_once),
		TEST(a_clock_that_starts_in_1970_each_time_gives_nothing_twice),
		TEST(a_clock_that_was_ahead_closes_nothing_for_ever),
		TEST(a_boat_that_crosses_zones_has_one_budget_a_day),
		TEST(a_midnight_that_the_clock_skips_is_an_hour_later),
		TEST(what_is_written_is_read_again),
		TEST(of_a_torn_file_the_one_before_counts),
		TEST(of_two_torn_files_all_is_used_until_the_period_ends),
		TEST(files_that_a_person_removes_begin_anew),
		TEST(what_the_line_says_at_the_end_is_the_truth),
		TEST(a_restart_in_the_middle_of_a_call_loses_and_doubles_nothing),
		TEST(an_interface_is_counted_whatever_crosses_it),
	};

	return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
