#include <sysexits.h>
#include <time.h>

#include "control/settings.h"
#include "folder.h"

/* Older than any clock tick, so that a change is seen by time alone. */
static void make_old(const char *name)
{
	const struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

	assert_int_equal(utimensat(folder_fd, name, times, 0), 0);
}

static void load(struct settings *settings)
{
	struct err err = { 0 };

	if (!settings_load(folder_fd, settings, &err))
		fail_msg("%s", err.text);
}

static void me_alone_is_enough(void **state)
{
	struct settings settings = { 0 };

	(void)state;
	folder_write("me", "# ours\n\n  gw.office.example  \n");
	load(&settings);
	assert_string_equal(settings.me, "gw.office.example");
	assert_string_equal(settings.defaultdomain, "office.example");
	assert_string_equal(settings.plusdomain, "office.example");
	assert_string_equal(settings.helohost, "gw.office.example");
	assert_string_equal(settings.smtpgreeting, "gw.office.example");
	assert_string_equal(settings.bouncehost, "gw.office.example");
	assert_string_equal(settings.bouncefrom, "MAILER-DAEMON");
	assert_string_equal(settings.doublebounceto, "postmaster");
	assert_int_equal(settings.locals.count, 1);
	assert_string_equal(settings.locals.lines[0], "gw.office.example");
	assert_int_equal(settings.rcpthosts.count, 0);
	assert_int_equal(settings.databytes, 0);
	assert_int_equal(settings.timeoutsmtpd_s, 300);
	assert_int_equal(settings.queuelifetime_s, 604800);
	assert_int_equal(settings.uncertainwait_s, 600);
	assert_int_equal(settings.concurrencyincoming, 500);
	assert_int_equal(settings.concurrencyperip, 50);
	assert_int_equal(settings.connectrate, 600);
	assert_int_equal(settings.concurrencyremote, 20);
	settings_clear(&settings);
}

static void an_empty_locals_means_none(void **state)
{
	struct settings settings = { 0 };

	(void)state;
	folder_write("me", "gw.office.example\n");
	folder_write("locals", "# nobody\n");
	load(&settings);
	assert_int_equal(settings.locals.count, 0);
	settings_clear(&settings);
	folder_drop("locals");
}

static const struct {
	const char *title;
	const char *name, *text;
	const char *fault; /* NULL: it is taken */
} rows[] = {
	{ "sizes may have a unit", "databytes", "25m\n", NULL },
	{ "times may have a unit", "queuelifetime", "5d\n", NULL },
	{ "a list needs no last line end", "locals", "a.example\nb.example", NULL },
	{ "lines of a list are not judged on loading", "smtproutes", "no colon\n", NULL },
	{ "a number that is none names file, line and mend", "databytes", "# x\nten\n",
	  "control/databytes:2: \"ten\" is not a number of bytes, as 25000000 or 25m" },
	{ "a negative number is none", "concurrencyremote", "-1\n",
	  "control/concurrencyremote:1: \"-1\" is not a plain number" },
	{ "a time beyond all reason is refused", "uncertainwait", "99999999999w\n",
	  "control/uncertainwait:1: \"99999999999w\" is not a number of seconds, or as "
	  "5m, 2h, 7d" },
};

static void one_setting(void **state)
{
	size_t i = (uintptr_t)*state;
	struct settings settings = { 0 };
	struct err err = { 0 };

	folder_write("me", "gw.office.example\n");
	folder_write(rows[i].name, rows[i].text);
	if (rows[i].fault) {
		assert_false(settings_load(folder_fd, &settings, &err));
		assert_string_equal(err.text, rows[i].fault);
		assert_int_equal(err_exit_code(&err), EX_CONFIG);
	} else {
		load(&settings);
	}
	settings_clear(&settings);
	folder_drop(rows[i].name);
}

static void without_me_nothing_works(void **state)
{
	struct settings settings = { 0 };
	struct err err = { 0 };

	(void)state;
	folder_write("me", "# nothing\n");
	assert_false(settings_load(folder_fd, &settings, &err));
	assert_int_equal(err_exit_code(&err), EX_CONFIG);
	assert_non_null(strstr(err.text, "control/me"));
}

static void a_nul_byte_is_refused(void **state)
{
	struct settings settings = { 0 };
	struct err err = { 0 };

	(void)state;
	folder_write("me", "gw.office.example\n");
	assert_true(file_replace(folder_fd, "rcpthosts", "a\n\0b\n", 5, 0600, &err));
	assert_false(settings_load(folder_fd, &settings, &err));
	assert_non_null(strstr(err.text, "control/rcpthosts:2: a NUL byte"));
	folder_drop("rcpthosts");
}

static void a_change_is_seen_at_the_next_use(void **state)
{
	struct settings settings = { 0 };
	struct err err = { 0 };
	bool changed = true;

	(void)state;
	folder_write("me", "gw.office.example\n");
	folder_write("databytes", "10\n");
	make_old("me");
	make_old("databytes");
	load(&settings);
	assert_true(settings_refresh(folder_fd, &settings, &changed, &err));
	assert_false(changed);
	folder_write("databytes", "20\n");
	assert_true(settings_refresh(folder_fd, &settings, &changed, &err));
	assert_true(changed);
	assert_int_equal(settings.databytes, 20);
	folder_drop("databytes");
	assert_true(settings_refresh(folder_fd, &settings, &changed, &err));
	assert_true(changed);
	assert_int_equal(settings.databytes, 0);
	settings_clear(&settings);
}

static void two_changes_in_one_tick_are_both_seen(void **state)
{
	struct settings settings = { 0 };
	struct err err = { 0 };

	(void)state;
	folder_write("me", "gw.office.example\n");
	load(&settings);
	for (int i = 10; i < 30; i++) {
		char text[8];
		AUTO_FD fd = openat(folder_fd, "databytes",
				    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		snprintf(text, sizeof(text), "%d\n", i);
		assert_int_equal(write(fd, text, strlen(text)), 3);
		assert_true(settings_refresh(folder_fd, &settings, NULL, &err));
		assert_int_equal(settings.databytes, i);
	}
	settings_clear(&settings);
	folder_drop("databytes");
}

static void a_wrong_change_leaves_the_old_settings(void **state)
{
	struct settings settings = { 0 };
	struct err err = { 0 };

	(void)state;
	folder_write("me", "gw.office.example\n");
	folder_write("databytes", "10\n");
	load(&settings);
	folder_write("databytes", "many\n");
	assert_false(settings_refresh(folder_fd, &settings, NULL, &err));
	assert_int_equal(settings.databytes, 10);
	settings_clear(&settings);
	folder_drop("databytes");
}

static void a_list_is_searched_without_case(void **state)
{
	struct settings_list list = { .keyed = true };
	struct err err = { 0 };
	const char *text = "A.example:one\n:rest\nnothing\na.EXAMPLE:two\n";

	(void)state;
	assert_true(settings_list_parse(&list, "x", span_of(text), &err));
	assert_string_equal(settings_list_find(&list, span_of("a.example")),
			    "a.EXAMPLE:two"); /* the last one, as in qmail */
	assert_string_equal(settings_list_find(&list, span_of("")), ":rest");
	assert_null(settings_list_find(&list, span_of("nothing")));
	assert_null(settings_list_find(&list, span_of("b.example")));
	assert_int_equal(list.numbers[2], 3);
	settings_list_clear(&list);
}

static void ten_thousand_lines_are_found_at_once(void **state)
{
	AUTO_BUF text = BUF_INIT(1000000);
	struct settings_list list = { 0 };
	struct timespec from, to;
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++)
		assert_true(buf_appendf(&text, "host%d.example\n", i));
	assert_true(settings_list_parse(&list, "x", buf_span(&text), &err));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (int i = 0; i < 10000; i++)
		assert_non_null(settings_list_find(&list, span_of("HOST9999.example")));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	/* 10,000 walks through the list would take seconds. */
	assert_true(to.tv_sec - from.tv_sec < 2);
	settings_list_clear(&list);
}

#define ROWS  LENGTH(rows)
#define OTHER 9

int main(void)
{
	struct CMUnitTest tests[ROWS + OTHER] = {
		cmocka_unit_test(me_alone_is_enough),
		cmocka_unit_test(an_empty_locals_means_none),
		cmocka_unit_test(without_me_nothing_works),
		cmocka_unit_test(a_nul_byte_is_refused),
		cmocka_unit_test(a_change_is_seen_at_the_next_use),
		cmocka_unit_test(two_changes_in_one_tick_are_both_seen),
		cmocka_unit_test(a_wrong_change_leaves_the_old_settings),
		cmocka_unit_test(a_list_is_searched_without_case),
		cmocka_unit_test(ten_thousand_lines_are_found_at_once),
	};

	for (size_t i = 0; i < ROWS; i++) {
		tests[OTHER + i].name = rows[i].title;
		tests[OTHER + i].test_func = one_setting;
		tests[OTHER + i].initial_state = (void *)(uintptr_t)i;
	}
	return cmocka_run_group_tests_name("settings", tests, folder_make, folder_remove);
}
