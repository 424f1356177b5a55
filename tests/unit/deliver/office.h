/* A gateway's root with an office in it: ann and bob, a few aliases, the smarthost isp.
 */
#ifndef TESTS_DELIVER_OFFICE_H
#define TESTS_DELIVER_OFFICE_H

#include "../folder.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "control/accounts.h"

static char office_path[TEST_FOLDER_MAX];
static int office_fd = -1, office_control_fd = -1;

static inline void office_write(const char *name, const char *text)
{
	struct err err = { 0 };

	if (!file_replace(office_control_fd, name, text, strlen(text), 0600, &err))
		fail_msg("%s", err.text);
}

static inline int office_make(void **state)
{
	static const char *const folders[] = {
		"control", "control/smarthosts", "control/alias",  "mail",        "run",
		"spool",   "spool/state",        "spool/incoming", "spool/parked"
	};
	struct err err;

	(void)state;
	office_fd = test_folder_make(office_path);
	test_folder_add(office_fd, folders);
	office_control_fd = file_open_dir(office_fd, "control", &err);
	office_write("me", "gw.clinic.example\n");
	office_write("locals", "clinic.example\ngw.clinic.example\n");
	office_write("smtproutes", ":isp\n");
	office_write("smarthosts/isp", "host mail.isp.example\n");
	office_write("alias/.qmail-postmaster", "&bob\n");
	assert_true(account_add(office_control_fd, "ann", "secret", &err));
	assert_true(account_add(office_control_fd, "bob", "secret", &err));
	return 0;
}

static inline int office_remove(void **state)
{
	(void)state;
	file_close(&office_control_fd);
	file_close(&office_fd);
	return test_folder_remove(office_path);
}

/* How many files are in a folder below the root; the last one's text goes to out. */
static inline unsigned office_files(const char *folder, struct buf *out)
{
	int fd = openat(office_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	unsigned count = 0;
	struct err err;

	while (stream && (entry = readdir(stream))) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		buf_reset(out);
		assert_true(file_read(fd, entry->d_name, out, &err));
	}
	if (stream)
		closedir(stream);
	return count;
}

#endif
