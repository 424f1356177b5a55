#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each test has a folder of its own, which is empty again at its end. */
struct folder {
	char path[64];
	int fd;
};

static int make_folder(void **state)
{
	struct folder *folder = must_alloc(sizeof(*folder));
	struct err err;

	memcpy(folder->path, "/tmp/file_test.XXXXXX", 22);
	assert_non_null(mkdtemp(folder->path));
	folder->fd = file_open_dir(AT_FDCWD, folder->path, &err);
	*state = folder;
	return folder->fd < 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "one", "sub/one", "fifo", "none" };
	struct folder *folder = *state;
	int failed;

	for (size_t i = 0; i < LENGTH(names); i++)
		unlinkat(folder->fd, names[i], 0);
	unlinkat(folder->fd, "sub", AT_REMOVEDIR);
	file_close(&folder->fd);
	failed = rmdir(folder->path); /* also: nothing else was left behind */
	free(folder);
	return failed;
}

static void holds(int at, const char *name, const char *text)
{
	AUTO_BUF read = BUF_INIT(100);
	struct err err = { 0 };

	if (!file_read(at, name, &read, &err))
		fail_msg("%s", err.text);
	assert_string_equal(read.data, text);
}

static void a_file_is_replaced_whole(void **state)
{
	struct folder *folder = *state;
	struct err err = { 0 };
	struct stat st;

	assert_true(file_replace(folder->fd, "one", "old and long", 12, 0600, &err));
	assert_true(file_replace(folder->fd, "one", "new", 3, 0600, &err));
	holds(folder->fd, "one", "new");
	assert_int_equal(fstatat(folder->fd, "one", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(file_replace(folder->fd, "one", "", 0, 0600, &err));
	holds(folder->fd, "one", "");
}

static void a_file_in_a_folder_below_is_replaced_too(void **state)
{
	struct folder *folder = *state;
	struct err err = { 0 };

	assert_false(file_replace(folder->fd, "sub/one", "x", 1, 0600, &err));
	assert_int_equal(err_exit_code(&err), EX_NOINPUT);
	assert_true(file_make_dir(folder->fd, "sub", 0700, &err));
	assert_true(file_make_dir(folder->fd, "sub", 0700, &err));
	assert_true(file_replace(folder->fd, "sub/one", "x", 1, 0600, &err));
	holds(folder->fd, "sub/one", "x");
}

static void what_cannot_be_replaced_stays(void **state)
{
	struct folder *folder = *state;
	struct err err = { 0 };

	assert_true(file_make_dir(folder->fd, "sub", 0700, &err));
	assert_false(file_replace(folder->fd, "sub", "x", 1, 0600, &err));
	assert_non_null(strstr(err.text, "rename sub.tmp"));
}

static void a_file_as_large_as_allowed_is_read(void **state)
{
	struct folder *folder = *state;
	AUTO_BUF exact = BUF_INIT(10), small = BUF_INIT(9);
	struct err err = { 0 };

	assert_true(file_replace(folder->fd, "one", "0123456789", 10, 0600, &err));
	assert_true(file_read(folder->fd, "one", &exact, &err));
	assert_int_equal(exact.len, 10);
	assert_false(file_read(folder->fd, "one", &small, &err));
	assert_string_equal(err.text, "one is larger than 9 bytes");
}

static void a_missing_file_is_told_from_an_unreadable_one(void **state)
{
	struct folder *folder = *state;
	AUTO_BUF read = BUF_INIT(10);
	struct err err = { 0 };
	bool found = true;

	assert_true(file_read_if_any(folder->fd, "none", &read, &found, &err));
	assert_false(found);
	assert_false(file_read(folder->fd, "none", &read, &err));
	assert_string_equal(err.text, "open none: No such file or directory");
	assert_int_equal(err_exit_code(&err), EX_NOINPUT);
	assert_true(file_make_dir(folder->fd, "sub", 0700, &err));
	assert_false(file_read(folder->fd, "sub", &read, &err));
	assert_string_equal(err.text, "sub is not a regular file");
}

static void a_pipe_in_a_files_place_does_not_hang(void **state)
{
	struct folder *folder = *state;
	AUTO_BUF read = BUF_INIT(10);
	struct err err = { 0 };

	assert_int_equal(mkfifoat(folder->fd, "fifo", 0600), 0);
	assert_false(file_read(folder->fd, "fifo", &read, &err));
	assert_string_equal(err.text, "fifo is not a regular file");
}

static void a_copy_is_exact_or_an_error(void **state)
{
	struct folder *folder = *state;
	AUTO_FD from = memfd_create("from", MFD_CLOEXEC);
	AUTO_FD to = openat(folder->fd, "one", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	static char bytes[200000], back[200000];
	struct err err = { 0 };

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 13 + i / 256);
	assert_true(file_write(from, bytes, sizeof(bytes), &err));
	assert_true(file_copy(from, 7, sizeof(bytes) - 7, to, &err));
	assert_int_equal(pread(to, back, sizeof(back), 0), sizeof(bytes) - 7);
	assert_memory_equal(back, bytes + 7, sizeof(bytes) - 7);
	assert_false(file_copy(from, 7, sizeof(bytes), to, &err));
	assert_string_equal(err.text, "file became shorter while copied");
	assert_int_equal(err.kind, ERR_TEMPORARY);
}

static void a_full_disk_is_a_temporary_failure(void **state)
{
	AUTO_FD full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct err err = { 0 };

	(void)state;
	assert_false(file_write(full, "x", 1, &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	assert_string_equal(err.status, "4.3.1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_replaced_whole),
		TEST(a_file_in_a_folder_below_is_replaced_too),
		TEST(what_cannot_be_replaced_stays),
		TEST(a_file_as_large_as_allowed_is_read),
		TEST(a_missing_file_is_told_from_an_unreadable_one),
		TEST(a_pipe_in_a_files_place_does_not_hang),
		TEST(a_copy_is_exact_or_an_error),
		TEST(a_full_disk_is_a_temporary_failure),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
