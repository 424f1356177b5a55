/* A control folder of a test's own, gone with it. */
#ifndef TESTS_CONTROL_FOLDER_H
#define TESTS_CONTROL_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char folder_path[64];
static int folder_fd = -1;

static inline int folder_make(void **state)
{
	static const char *const parts[] = { "smarthosts", "links", "pickups",
					     "secrets" };

	(void)state;
	snprintf(folder_path, sizeof(folder_path), "/tmp/lontar-test-XXXXXX");
	assert_non_null(mkdtemp(folder_path));
	folder_fd = open(folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder_fd >= 0);
	for (size_t i = 0; i < LENGTH(parts); i++)
		assert_int_equal(mkdirat(folder_fd, parts[i], 0755), 0);
	return 0;
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type,
				    struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static inline int folder_remove(void **state)
{
	(void)state;
	file_close(&folder_fd);
	return nftw(folder_path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void folder_write(const char *name, const char *text)
{
	struct err err = { 0 };

	if (!file_replace(folder_fd, name, text, strlen(text), 0600, &err))
		fail_msg("%s", err.text);
}

static inline void folder_drop(const char *name)
{
	assert_int_equal(unlinkat(folder_fd, name, 0), 0);
}

/* Its whole text; the caller frees. */
static inline char *folder_read(const char *name)
{
	struct buf text = BUF_INIT(100000);
	struct err err = { 0 };

	if (!file_read(folder_fd, name, &text, &err))
		fail_msg("%s", err.text);
	return buf_take(&text);
}

#endif
