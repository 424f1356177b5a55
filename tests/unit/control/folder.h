/* A control folder of a test's own, gone with it. */
#ifndef TESTS_CONTROL_FOLDER_H
#define TESTS_CONTROL_FOLDER_H

#include "../folder.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"

static char folder_path[TEST_FOLDER_MAX];
static int folder_fd = -1;

static inline int folder_make(void **state)
{
	static const char *const parts[] = { "smarthosts", "links", "pickups", "secrets",
					     "logins" };

	(void)state;
	folder_fd = test_folder_make(folder_path);
	test_folder_add(folder_fd, parts);
	return 0;
}

static inline int folder_remove(void **state)
{
	(void)state;
	file_close(&folder_fd);
	return test_folder_remove(folder_path);
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
