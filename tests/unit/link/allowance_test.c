#include "../folder.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "link/allowance.h"

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

static void put_link(const char *name, const char *text)
{
	struct link_note note = { .up = true, .since = 5 };
	char path[64];
	struct err err;

	snprintf(note.name, sizeof(note.name), "%s", name);
	clock_boot_id(note.boot_id);
	assert_true(link_note_write(root_fd, &note, &err));
	snprintf(path, sizeof(path), "control/links/%s", name);
	assert_true(file_replace(root_fd, path, text, strlen(text), 0600, &err));
}

static int64_t at(const char *text)
{
	struct tm tm = { .tm_isdst = -1 };

	tzset();
	assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
	return (int64_t)mktime(&tm);
}

static const struct {
	const char *title;
	const char *file;
	uint64_t bytes, seconds, calls; /* used in the call under way, and calls */
	bool down;
	const char *now;
	bool open, spent;
	const char *why;
	const char *again, *until; /* NULL: 0, never */
	uint64_t left;             /* bytes; 0: any number */
} rows[] = {
	{ .title = "a link without a word about it may be used",
	  .file = "",
	  .now = "2026-11-22 12:00",
	  .open = true,
	  .why = "" },
	{ .title = "a window says when it opens",
	  .file = "window daily 02:00-02:20\n",
	  .now = "2026-11-22 12:00",
	  .why = "the window of link ppp opens at 02:00",
	  .again = "2026-11-23 02:00" },
	{ .title = "and when it closes",
	  .file = "window daily 02:00-02:20\n",
	  .now = "2026-11-22 02:10",
	  .open = true,
	  .why = "",
	  .until = "2026-11-22 02:20" },
	{ .title = "a budget leaves what was not used",
	  .file = "budget 20k per day\n",
	  .bytes = 1024,
	  .now = "2026-11-22 12:00",
	  .open = true,
	  .why = "",
	  .left = 19 * UINT64_C(1024) },
	{ .title = "a budget that is spent says until when",
	  .file = "budget 20k per month\n",
	  .bytes = 20 * UINT64_C(1024),
	  .now = "2026-11-22 12:00",
	  .spent = true,
	  .why = "the budget of link ppp (20k per month) is spent until 1 Dec 00:00",
	  .again = "2026-12-01 00:00" },
	{ .title = "its turn comes with the next window",
	  .file = "budget 20k per day\nwindow mon-fri 08:00-18:00\n",
	  .bytes = 20 * UINT64_C(1024),
	  .now = "2026-11-21 12:00",
	  .spent = true,
	  .why = "the budget of link ppp (20k per day) is spent until 00:00",
	  .again = "2026-11-23 08:00" },
	{ .title = "of two that are spent the later one is told",
	  .file = "budget 1k per day\nbudget 1k per week\n",
	  .bytes = 2048,
	  .now = "2026-11-20 12:00",
	  .spent = true,
	  .why = "the budget of link ppp (1k per week) is spent until Mon 00:00",
	  .again = "2026-11-23 00:00" },
	{ .title = "time ends a call",
	  .file = "budget 60 minutes per day\nwindow daily 12:00-14:00\n",
	  .seconds = 1200,
	  .now = "2026-11-22 12:30",
	  .open = true,
	  .why = "",
	  .until = "2026-11-22 13:10" },
	{ .title = "and is not used while the link is down",
	  .file = "budget 60 minutes per day\nwindow daily 12:00-14:00\n",
	  .seconds = 1200,
	  .down = true,
	  .now = "2026-11-22 12:30",
	  .open = true,
	  .why = "",
	  .until = "2026-11-22 14:00" },
	{ .title = "money buys bytes and minutes",
	  .file = "budget 1 EUR per day\ncost 0.50 EUR per mb, 0.10 EUR per minute\n",
	  .bytes = 1 << 20,
	  .seconds = 60,
	  .now = "2026-11-22 12:00",
	  .open = true,
	  .why = "",
	  .until = "2026-11-22 12:04",
	  .left = (4 << 20) / 5 },
	{ .title = "a minute that is paid may be used",
	  .file = "budget 0.10 EUR per day\ncost 0.10 EUR per minute\n",
	  .seconds = 1,
	  .now = "2026-11-22 12:00",
	  .open = true,
	  .why = "",
	  .until = "2026-11-22 12:00" },
	{ .title = "and the next one not",
	  .file = "budget 0.15 EUR per day\ncost 0.10 EUR per minute\n",
	  .seconds = 60,
	  .now = "2026-11-22 12:00",
	  .spent = true,
	  .why = "the budget of link ppp (0.15 EUR per day) is spent until 00:00",
	  .again = "2026-11-23 00:00" },
	{ .title = "a call that is under way is the last",
	  .file = "budget 1 call per day\n",
	  .calls = 1,
	  .now = "2026-11-22 12:00",
	  .open = true,
	  .why = "" },
	{ .title = "and there is no other",
	  .file = "budget 1 call per day\n",
	  .calls = 1,
	  .down = true,
	  .now = "2026-11-22 12:00",
	  .spent = true,
	  .why = "the budget of link ppp (1 call per day) is spent until 00:00",
	  .again = "2026-11-23 00:00" },
	{ .title = "a call that cannot be paid is not begun",
	  .file = "budget 1 EUR per day\ncost 0.30 EUR per call\n",
	  .calls = 3,
	  .down = true,
	  .now = "2026-11-22 12:00",
	  .spent = true,
	  .why = "the budget of link ppp (1 EUR per day) is spent until 00:00",
	  .again = "2026-11-23 00:00" },
};

static void row(void **state)
{
	size_t i = (uintptr_t)*state;
	int64_t now = at(rows[i].now), until;
	struct allowance allowance;
	struct usage usage = { 0 };
	struct linkfile file;
	struct err err;

	put_link("ppp", rows[i].file);
	assert_true(linkfile_load(control_fd, "ppp", &file, NULL, &err));
	for (uint64_t call = 0; call < rows[i].calls; call++)
		usage_begin_call(&usage, &file, now, now);
	usage_set_call(&usage, &file, now, rows[i].bytes, rows[i].seconds);
	link_allowance_of(&file, &usage, !rows[i].down, now, &allowance);
	linkfile_clear(&file);
	assert_string_equal(allowance.why, rows[i].why);
	assert_int_equal(allowance.open, rows[i].open);
	assert_int_equal(allowance.spent, rows[i].spent);
	assert_int_equal(allowance.again, rows[i].again ? at(rows[i].again) : 0);
	until = rows[i].until ? at(rows[i].until) : INT64_MAX;
	if (allowance.open && until != INT64_MAX && rows[i].seconds == 1)
		until += 59;
	assert_int_equal(allowance.until, until);
	if (!rows[i].spent)
		assert_int_equal(allowance.bytes,
				 rows[i].left ? rows[i].left : ALLOWANCE_UNLIMITED);
}

/* Which link is chosen for isp, and whether it is open; "": none. */
static void choose(const char *wanted, bool open)
{
	struct link_choice choice;

	assert_int_equal(link_choose(root_fd, control_fd, LINK_FOR_SMARTHOST, "isp",
				     at("2026-11-22 12:00"), &choice),
			 open);
	assert_int_equal(choice.up, wanted[0] != '\0');
	assert_string_equal(choice.link.name, wanted);
}

static void a_link_serves_whom_its_file_names(void **state)
{
	struct link_choice choice;

	(void)state;
	choose("", false);
	put_link("ppp", "smarthosts other isp\n");
	choose("ppp", true);
	put_link("ppp", "smarthosts other\n");
	choose("", false);
	assert_true(link_choose(root_fd, control_fd, LINK_FOR_PICKUP, "isp",
				at("2026-11-22 12:00"), &choice));
}

static void a_link_whose_file_is_wrong_serves_nobody(void **state)
{
	(void)state;
	put_link("ppp", "cost much\n");
	choose("", false);
}

static void the_cheapest_open_link_is_chosen(void **state)
{
	(void)state;
	put_link("a", "cost 1 EUR per mb\n");
	put_link("b", "cost 0.10 EUR per mb\nwindow daily 02:00-03:00\n");
	put_link("c", "cost 0.50 EUR per mb\n");
	choose("c", true);
	put_link("b", "cost 0.10 EUR per mb\n");
	choose("b", true);
}

static void of_links_that_cost_the_same_the_file_decides(void **state)
{
	(void)state;
	put_link("a", "");
	put_link("b", "smarthosts other isp\n");
	choose("b", true);
	put_link("c", "smarthosts isp\n");
	choose("c", true);
}

static void of_closed_links_the_one_that_opens_first_is_told(void **state)
{
	(void)state;
	put_link("a", "window daily 02:00-03:00\n");
	put_link("b", "window daily 18:00-19:00\n");
	choose("b", false);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_root, remove_root)

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 5] = {
		TEST(a_link_serves_whom_its_file_names),
		TEST(a_link_whose_file_is_wrong_serves_nobody),
		TEST(the_cheapest_open_link_is_chosen),
		TEST(of_links_that_cost_the_same_the_file_decides),
		TEST(of_closed_links_the_one_that_opens_first_is_told),
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i + 5].name = rows[i].title;
		tests[i + 5].test_func = row;
		tests[i + 5].setup_func = make_root;
		tests[i + 5].teardown_func = remove_root;
		tests[i + 5].initial_state = (void *)(uintptr_t)i;
	}
	return cmocka_run_group_tests_name("allowances", tests, NULL, NULL);
}
