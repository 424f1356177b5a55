/* spool/state/local/ID.N: what has been done for one recipient of one message. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "programs/lontar-dispatch/dispatch.h"

static void name_of(const struct message *message, size_t recipient,
		    char name_out[MAILDIR_NAME_MAX])
{
	snprintf(name_out, MAILDIR_NAME_MAX, "%s.%zu", message->name.id, recipient);
}

int marks_open(const struct message *message, size_t recipient, struct err *err)
{
	int folder_fd = message->dispatch->marks_fd;
	char name[MAILDIR_NAME_MAX];
	int fd;

	name_of(message, recipient, name);
	fd = openat(folder_fd, name, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0) {
		err_errno(err, "create spool/state/local/%s", name);
		return -1;
	}
	/* The name must be durable before a mark in it is relied upon. */
	if (!file_sync_dir(folder_fd, "spool/state/local", err))
		file_close(&fd);
	return fd;
}

void marks_remove(const struct message *message, size_t recipient)
{
	char name[MAILDIR_NAME_MAX];

	name_of(message, recipient, name);
	unlinkat(message->dispatch->marks_fd, name, 0);
}

static bool is_wanted(const char *name, const struct parked_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		size_t len = strlen(list->names[i].id);

		if (strncmp(name, list->names[i].id, len) == 0 && name[len] == '.')
			return true;
	}
	return false;
}

void marks_tidy(const struct dispatch *dispatch, const struct parked_list *list)
{
	int fd = openat(dispatch->marks_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!stream) {
		file_close(&fd);
		return;
	}
	while ((entry = readdir(stream)))
		if (entry->d_name[0] != '.' && !is_wanted(entry->d_name, list))
			unlinkat(fd, entry->d_name, 0);
	closedir(stream);
}
