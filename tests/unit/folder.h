/* A folder of a test's own, below /tmp. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/attr.h"

#define TEST_FOLDER_MAX 32

/* Its path goes to path_out, its descriptor is returned. */
UNUSED static int test_folder_make(char path_out[TEST_FOLDER_MAX])
{
	int fd;

	snprintf(path_out, TEST_FOLDER_MAX, "/tmp/lontar-test-XXXXXX");
	assert_non_null(mkdtemp(path_out));
	fd = open(path_out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* Makes folders in it: an array of their names. */
#define test_folder_add(fd, names) test_folder_add_all(fd, names, LENGTH(names))

UNUSED static void test_folder_add_all(int fd, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(mkdirat(fd, names[i], 0700), 0);
}

UNUSED static int test_folder_remove_one(const char *path, const struct stat *st,
					 int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

/* 0: gone, with all that was in it. */
UNUSED static int test_folder_remove(const char *path)
{
	return nftw(path, test_folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
