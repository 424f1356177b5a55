#include "../folder.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "store/mbox.h"
#include "store/user_maildir.h"

#define HEAD "Return-Path: <a@b.example>\nDelivered-To: c@d.example\n"
#define NOW  1795350000

static char path[TEST_FOLDER_MAX];
static int home_fd = -1;

static int make(void **state)
{
	(void)state;
	home_fd = test_folder_make(path);
	return 0;
}

static int destroy(void **state)
{
	(void)state;
	file_close(&home_fd);
	return test_folder_remove(path);
}

/* A message of which the first three bytes are not of it. */
static struct letter write_letter(const char *text)
{
	struct letter letter = { .head = span_of(HEAD),
				 .body = 3,
				 .bytes = strlen(text) };
	struct err err;

	letter.fd =
		openat(home_fd, "letter", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(file_write(letter.fd, "xyz", 3, &err));
	assert_true(file_write(letter.fd, text, strlen(text), &err));
	return letter;
}

static const struct {
	const char *title;
	const char *before; /* in the file; NULL: there is none */
	const char *text;
	const char *appended;
} rows[] = {
	{ "an empty line ends a message", NULL, "S: x\n\nhello\n", "S: x\n\nhello\n\n" },
	{ "a line end that lacks is put there", NULL, "S: x\n\nhello",
	  "S: x\n\nhello\n\n" },
	{ "a From line is quoted", NULL, "\nFrom me\n", "\n>From me\n\n" },
	{ "so is a quoted one", NULL, "\n>>From me\n", "\n>>>From me\n\n" },
	{ "also the very first", NULL, "From me\n", ">From me\n\n" },
	{ "and the last, unended", NULL, "\nFrom ", "\n>From \n\n" },
	{ "what only begins so is not", NULL, "\nFrom\nFrome x\n>Fro",
	  "\nFrom\nFrome x\n>Fro\n\n" },
	{ "a line of >", NULL, ">>>\n>\n", ">>>\n>\n\n" },
	{ "an empty message", NULL, "", "\n" },
	{ "it comes behind what is there", "From x\n\n", "a\n", "a\n\n" },
	{ "a torn end is ended first", "From x\ntorn", "a\n", "a\n\n" },
};

static void it_is_written_so(void **state)
{
	size_t i = (uintptr_t)*state;
	struct letter letter = write_letter(rows[i].text);
	AUTO_BUF expected = BUF_INIT(4096);
	AUTO_BUF got = BUF_INIT(4096);
	const char *before = rows[i].before ? rows[i].before : "";
	bool torn = before[0] && before[strlen(before) - 1] != '\n';
	struct mbox mbox;
	struct err err;

	unlinkat(home_fd, "box", 0);
	if (rows[i].before)
		assert_true(
			file_replace(home_fd, "box", before, strlen(before), 0600, &err));
	assert_true(mbox_open(home_fd, "./box", 0, &mbox, &err));
	assert_int_equal(faccessat(home_fd, "box.lock", F_OK, 0), 0);
	assert_true(mbox_append(&mbox, "a b@b.example", NOW, &letter, &err));
	mbox_close(&mbox);
	assert_int_not_equal(faccessat(home_fd, "box.lock", F_OK, 0), 0);
	assert_true(buf_appendf(&expected,
				"%s%sFrom a-b@b.example Sun Nov 22 12:20:00 "
				"2026\n" HEAD "%s",
				before, torn ? "\n\n" : "", rows[i].appended));
	assert_true(file_read(home_fd, "box", &got, &err));
	assert_string_equal(got.data, expected.data);
	file_close(&letter.fd);
}

static void what_is_locked_is_left_for_later(void **state)
{
	struct mbox mbox;
	struct err err;

	(void)state;
	assert_true(file_replace(home_fd, "box.lock", "1\n", 2, 0600, &err));
	assert_false(mbox_open(home_fd, "box", 0, &mbox, &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	assert_int_equal(faccessat(home_fd, "box.lock", F_OK, 0), 0);
	assert_int_equal(unlinkat(home_fd, "box.lock", 0), 0);
}

static void a_stale_lock_of_a_dead_process_is_broken(void **state)
{
	const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct mbox mbox;
	struct err err;

	(void)state;
	assert_true(file_replace(home_fd, "box.lock", "2147483600\n", 11, 0600, &err));
	assert_int_equal(utimensat(home_fd, "box.lock", old, 0), 0);
	assert_true(mbox_open(home_fd, "box", 1000, &mbox, &err));
	mbox_close(&mbox);
}

static void a_link_of_either_kind_is_refused(void **state)
{
	struct mbox mbox;
	struct err err;

	(void)state;
	assert_true(file_replace(home_fd, "other", "x", 1, 0600, &err));
	assert_int_equal(symlinkat("other", home_fd, "soft"), 0);
	assert_int_equal(linkat(home_fd, "other", home_fd, "hard", 0), 0);
	assert_int_equal(symlinkat("/dev/null", home_fd, "null"), 0);
	assert_int_equal(mkfifoat(home_fd, "fifo", 0600), 0);
	assert_false(mbox_open(home_fd, "soft", 0, &mbox, &err));
	assert_false(mbox_open(home_fd, "hard", 0, &mbox, &err));
	assert_false(mbox_open(home_fd, "null", 0, &mbox, &err));
	assert_false(mbox_open(home_fd, "fifo", 0, &mbox, &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
}

static void a_failure_leaves_the_mbox_as_it_was(void **state)
{
	struct letter letter = write_letter("S: x\n\nhello\n");
	AUTO_BUF got = BUF_INIT(4096);
	struct mbox mbox;
	struct err err;

	(void)state;
	letter.bytes += 10; /* as a file that became shorter */
	assert_true(file_replace(home_fd, "box", "From x\n\n", 8, 0600, &err));
	assert_true(mbox_open(home_fd, "box", 0, &mbox, &err));
	assert_false(mbox_append(&mbox, "", NOW, &letter, &err));
	mbox_close(&mbox);
	assert_true(file_read(home_fd, "box", &got, &err));
	assert_string_equal(got.data, "From x\n\n");
	file_close(&letter.fd);
}

static void a_maildir_of_a_user_gets_a_whole_message(void **state)
{
	struct letter letter = write_letter("S: x\n\nhello\n");
	struct err err;

	(void)state;
	assert_false(user_maildir_deliver(home_fd, "./Maildir/", "gw", &letter, &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	assert_true(user_maildir_make(home_fd, "./Maildir/", false, &err));
	assert_false(user_maildir_make(home_fd, "Maildir", false, &err));
	assert_true(user_maildir_make(home_fd, "Maildir", true, &err));
	assert_true(user_maildir_deliver(home_fd, "./Maildir/", "gw", &letter, &err));
	assert_int_equal(unlinkat(home_fd, "Maildir/tmp", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("/tmp", home_fd, "Maildir/tmp"), 0);
	assert_false(user_maildir_deliver(home_fd, "./Maildir/", "gw", &letter, &err));
	file_close(&letter.fd);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 5] = {
		[LENGTH(rows)] = cmocka_unit_test(what_is_locked_is_left_for_later),
		[LENGTH(rows) + 1] =
			cmocka_unit_test(a_stale_lock_of_a_dead_process_is_broken),
		[LENGTH(rows) + 2] = cmocka_unit_test(a_link_of_either_kind_is_refused),
		[LENGTH(rows) + 3] =
			cmocka_unit_test(a_failure_leaves_the_mbox_as_it_was),
		[LENGTH(rows) + 4] =
			cmocka_unit_test(a_maildir_of_a_user_gets_a_whole_message),
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = it_is_written_so,
						.initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("mbox files and users' Maildirs", tests, make,
					   destroy);
}
