#include "../folder.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "control/assign.h"

static char path[TEST_FOLDER_MAX];
static int control_fd = -1;

static const char assign[] = "=joe:joe:501:20:/home/joe:::\n"
			     "=Boss:ann:502:20:/home/ann:-:boss:more\n"
			     "=joe:second:9:9:/nowhere:::\n"
			     "+joe-:joe:501:20:/home/joe:-::\n"
			     "+joe-list-:lists:600:60:/home/lists:-:joe-:\n"
			     "+:alias:700:70:/var/alias:-::\n"
			     ".\n"
			     "not read\n";

static void write_assign(const char *text)
{
	struct err err;

	assert_true(
		file_replace(control_fd, "users/assign", text, strlen(text), 0600, &err));
}

static int make(void **state)
{
	static const char *const folders[] = { "users" };
	struct err err;

	(void)state;
	control_fd = test_folder_make(path);
	test_folder_add(control_fd, folders);
	write_assign(assign);
	return !assign_rebuild(control_fd, &err);
}

static int destroy(void **state)
{
	(void)state;
	file_close(&control_fd);
	return test_folder_remove(path);
}

static const struct {
	const char *title;
	const char *local;
	const char *user, *dash, *ext;
	uid_t uid;
} rows[] = {
	{ "an exact line", "joe", "joe", "", "", 501 },
	{ "in any case", "JOE", "joe", "", "", 501 },
	{ "text behind the last colon is ignored", "boss", "ann", "-", "boss", 502 },
	{ "a prefix takes the rest as typed", "joe-Shop", "joe", "-", "Shop", 501 },
	{ "and the prefix itself", "joe-", "joe", "-", "", 501 },
	{ "the longest prefix comes first", "joe-list-X", "lists", "-", "joe-X", 600 },
	{ "the empty prefix takes all the others", "anybody", "alias", "-", "anybody",
	  700 },
	{ "also what only begins like one", "joey", "alias", "-", "joey", 700 },
	{ "also the empty name", "", "alias", "-", "", 700 },
};

static void it_is_his(void **state)
{
	size_t i = (uintptr_t)*state;
	struct assign found;
	struct err err;

	assert_int_equal(assign_find(control_fd, rows[i].local, &found, &err),
			 ASSIGN_YES);
	assert_string_equal(found.user, rows[i].user);
	assert_string_equal(found.dash, rows[i].dash);
	assert_string_equal(found.ext, rows[i].ext);
	assert_int_equal(found.uid, rows[i].uid);
}

static void a_wrong_file_is_told_by_line_and_changes_nothing(void **state)
{
	static const struct {
		const char *text;
		const char *where;
	} wrong[] = {
		{ "=joe:joe:501:20:/home/joe:::\n", ":2: " },
		{ "=joe:joe:501:20:/home/joe::\n.\n", ":1: " },
		{ "joe:joe:501:20:/home/joe:::\n.\n", ":1: " },
		{ "=joe:joe:x:20:/home/joe:::\n.\n", ":1: " },
		{ "=joe:joe:501:20:home:::\n.\n", ":1: " },
		{ "\n.\n", ":1: " },
	};
	struct assign found;
	struct err err;

	(void)state;
	for (size_t i = 0; i < LENGTH(wrong); i++) {
		write_assign(wrong[i].text);
		assert_false(assign_check(control_fd, &err));
		assert_false(assign_rebuild(control_fd, &err));
		assert_int_equal(err.exit_code, EX_CONFIG);
		assert_non_null(strstr(err.text, wrong[i].where));
		assert_int_equal(assign_find(control_fd, "joe", &found, &err),
				 ASSIGN_YES);
	}
}

static void without_a_map_it_is_nobodys(void **state)
{
	struct assign found;
	struct err err;

	(void)state;
	assert_int_equal(unlinkat(control_fd, "users/cdb", 0), 0);
	assert_int_equal(assign_find(control_fd, "joe", &found, &err), ASSIGN_NO);
	assert_true(file_replace(control_fd, "users/cdb", "torn", 4, 0600, &err));
	assert_int_equal(assign_find(control_fd, "joe", &found, &err), ASSIGN_FAILED);
	assert_int_equal(err.kind, ERR_TEMPORARY);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 2] = {
		[LENGTH(rows)] = cmocka_unit_test(
			a_wrong_file_is_told_by_line_and_changes_nothing),
		[LENGTH(rows) + 1] = cmocka_unit_test(without_a_map_it_is_nobodys),
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = it_is_his,
						.initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("users/assign", tests, make, destroy);
}
