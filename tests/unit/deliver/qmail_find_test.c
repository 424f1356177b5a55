#include "../folder.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "deliver/qmail_find.h"

static char path[TEST_FOLDER_MAX];
static int home_fd = -1;

static const struct {
	const char *name;
	const char *text;
	mode_t mode;
} files[] = {
	{ ".qmail", "./Maildir/\n", 0600 },
	{ ".qmail-empty", "", 0600 },
	{ ".qmail-foo-bar", "&a\n", 0600 },
	{ ".qmail-foo-default", "&b\n", 0600 },
	{ ".qmail-list-default", "&c\n", 0600 },
	{ ".qmail-list-x-owner", "&d\n", 0600 },
	{ ".qmail-crew", "&c\n", 0600 },
	{ ".qmail-crew-owner", "&d\n", 0600 },
	{ ".qmail-verp", "&c\n", 0600 },
	{ ".qmail-verp-owner", "&d\n", 0600 },
	{ ".qmail-verp-owner-default", "&d\n", 0600 },
	{ ".qmail-dots:in:names", "&e\n", 0600 },
	{ ".qmail-open", "&f\n", 0602 },
	{ ".qmail-marked", "&g\n", 0700 },
	{ ".qmail-markedprogram", "|g\n", 0700 },
	{ ".qmail-wrong", "./Maildir/\n&no address\n", 0600 },
};

static int make(void **state)
{
	struct err err;

	(void)state;
	home_fd = test_folder_make(path);
	for (size_t i = 0; i < LENGTH(files); i++) {
		assert_true(file_replace(home_fd, files[i].name, files[i].text,
					 strlen(files[i].text), 0600, &err));
		assert_int_equal(fchmodat(home_fd, files[i].name, files[i].mode, 0), 0);
	}
	assert_int_equal(mkfifoat(home_fd, ".qmail-fifo", 0600), 0);
	assert_int_equal(mkdirat(home_fd, ".qmail-folder", 0700), 0);
	assert_int_equal(symlinkat("/dev/zero", home_fd, ".qmail-device"), 0);
	assert_int_equal(symlinkat(".qmail-crew", home_fd, ".qmail-link"), 0);
	return 0;
}

static int destroy(void **state)
{
	(void)state;
	file_close(&home_fd);
	return test_folder_remove(path);
}

#define LATER "later" /* an err, temporary */

static const struct {
	const char *title;
	const char *dash, *ext;
	const char *name; /* "" where there is none */
	const char *rest; /* DEFAULT, NULL: unset */
} rows[] = {
	{ "the user himself", "", "", ".qmail", NULL },
	{ "an extension's own file", "-", "foo-bar", ".qmail-foo-bar", NULL },
	{ "in any case", "-", "Foo-BAR", ".qmail-foo-bar", NULL },
	{ "else the longest prefix's default", "-", "foo-Other", ".qmail-foo-default",
	  "Other" },
	{ "also for an empty rest", "-", "foo-", ".qmail-foo-default", "" },
	{ "and for a rest with dashes", "-", "foo-a-b-C", ".qmail-foo-default", "a-b-C" },
	{ "but not for the bare prefix", "-", "foo", "", NULL },
	{ "a literal name may end in default", "-", "foo-default", ".qmail-foo-default",
	  "default" },
	{ "nothing, where there is nothing", "-", "nobody", "", NULL },
	{ "an empty file is found", "-", "empty", ".qmail-empty", NULL },
	{ "dots are colons", "-", "dots.in.names", ".qmail-dots:in:names", NULL },
	{ "a slash leads nowhere", "-", "../etc/passwd", "", NULL },
	{ "a slash behind a prefix is its default's", "-", "foo-/x", ".qmail-foo-default",
	  "/x" },
	{ "a file that all may write is not obeyed", "-", "open", LATER, NULL },
	{ "a FIFO hangs nobody", "-", "fifo", LATER, NULL },
	{ "a folder is no file", "-", "folder", LATER, NULL },
	{ "a device is none", "-", "device", LATER, NULL },
	{ "a link to a file is followed", "-", "link", ".qmail-link", NULL },
	{ "the x bit is for lists", "-", "marked", ".qmail-marked", NULL },
	{ "which run no programs", "-", "markedprogram", LATER, NULL },
	{ "a line that makes no sense keeps the mail", "-", "wrong", LATER, NULL },
	{ "dashes alone", "-", "---", "", NULL },
};

static bool find(const char *dash, const char *ext, struct qmail_found *found,
		 struct err *err)
{
	struct qmail_place place = {
		.home_fd = home_fd, .owner = geteuid(), .dash = dash, .ext = ext
	};

	return qmail_find(&place, found, err);
}

static void it_is_found(void **state)
{
	size_t i = (uintptr_t)*state;
	struct qmail_found found;
	struct err err = { 0 };

	if (!find(rows[i].dash, rows[i].ext, &found, &err)) {
		assert_string_equal(LATER, rows[i].name);
		assert_int_equal(err.kind, ERR_TEMPORARY);
		assert_non_null(strstr(err.text, ".qmail-"));
		return;
	}
	assert_string_equal(found.name, rows[i].name);
	assert_int_equal(found.has_default, rows[i].rest != NULL);
	if (rows[i].rest)
		assert_string_equal(found.rest, rows[i].rest);
	assert_int_equal(found.is_empty, strcmp(rows[i].name, ".qmail-empty") == 0);
	qmail_found_clear(&found);
}

static void an_owner_is_looked_for_by_the_whole_extension(void **state)
{
	static const struct {
		const char *ext;
		bool owner, verp;
	} lists[] = { { "crew", true, false },
		      { "verp", true, true },
		      { "foo-bar", false, false },
		      { "list-x", true, false },
		      { "list-y", false, false } };

	(void)state;
	for (size_t i = 0; i < LENGTH(lists); i++) {
		struct qmail_found found;
		struct err err;

		assert_true(find("-", lists[i].ext, &found, &err));
		assert_int_equal(found.has_owner, lists[i].owner);
		assert_int_equal(found.has_owner_default, lists[i].verp);
		qmail_found_clear(&found);
	}
}

static void a_home_must_be_safe(void **state)
{
	static const struct {
		mode_t mode;
		bool fine;
	} modes[] = { { 0700, true },  { 0755, true },   { 0775, true },
		      { 0702, false }, { 01700, false }, { 0777, false } };
	struct qmail_found found;
	struct err err;

	(void)state;
	for (size_t i = 0; i < LENGTH(modes); i++) {
		assert_int_equal(fchmod(home_fd, modes[i].mode), 0);
		assert_int_equal(find("", "", &found, &err), modes[i].fine);
		if (modes[i].fine)
			qmail_found_clear(&found);
		else
			assert_int_equal(err.kind, ERR_TEMPORARY);
	}
	assert_int_equal(fchmod(home_fd, 0700), 0);
}

static void another_users_home_is_not_obeyed(void **state)
{
	struct qmail_place place = {
		.home_fd = home_fd, .owner = geteuid() + 1, .dash = "", .ext = ""
	};
	struct qmail_found found;
	struct err err;

	(void)state;
	if (geteuid() == 0) {
		assert_int_equal(fchown(home_fd, 12345, (gid_t)-1), 0);
		assert_false(qmail_find(&place, &found, &err));
		assert_int_equal(fchown(home_fd, 0, (gid_t)-1), 0);
	} else {
		assert_false(qmail_find(&place, &found, &err));
	}
	assert_int_equal(err.kind, ERR_TEMPORARY);
}

static void a_long_name_is_nobodys(void **state)
{
	char ext[ADDRESS_MAX];
	struct qmail_found found;
	struct err err;

	(void)state;
	for (size_t len = 200; len < sizeof(ext); len += 7) {
		memset(ext, '-', len);
		ext[len] = '\0';
		assert_true(find("-", ext, &found, &err));
		assert_string_equal(found.name, "");
	}
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 4] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = it_is_found,
						.initial_state = (void *)(uintptr_t)i };
	tests[LENGTH(rows)] = (struct CMUnitTest)cmocka_unit_test(
		an_owner_is_looked_for_by_the_whole_extension);
	tests[LENGTH(rows) + 1] =
		(struct CMUnitTest)cmocka_unit_test(a_home_must_be_safe);
	tests[LENGTH(rows) + 2] =
		(struct CMUnitTest)cmocka_unit_test(another_users_home_is_not_obeyed);
	tests[LENGTH(rows) + 3] =
		(struct CMUnitTest)cmocka_unit_test(a_long_name_is_nobodys);
	return cmocka_run_group_tests_name("finding .qmail files", tests, make, destroy);
}
