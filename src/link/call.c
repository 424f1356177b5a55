#include "link/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "control/routes.h"
#include "link/note_file.h"

#define PATH_ROOM (SMARTHOST_NAME_MAX + 32)

static const struct note_key keys[] = {
	NOTE_KEY(call_note, last, NOTE_TIME),
	NOTE_KEY(call_note, ended, NOTE_TIME),
	NOTE_KEY(call_note, failures, NOTE_NUMBER),
	NOTE_KEY(call_note, last_error, NOTE_TEXT),
	NOTE_KEY(call_note, next, NOTE_TIME),
	NOTE_KEY(call_note, why, NOTE_TEXT),
};

static int open_lock(int root_fd, const char *link, int flags)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "run/call.%s", link);
	return openat(root_fd, path, flags | O_CLOEXEC | O_NOFOLLOW, 0644);
}

/* Where run/ has a group of its own, root and the gateway may both call. */
static void share(int root_fd, int fd)
{
	struct stat st;

	if (fstatat(root_fd, "run", &st, 0) == 0 && st.st_mode & S_ISGID)
		(void)fchmod(fd, 0664);
}

int link_call_take(int root_fd, const char *link, struct err *err)
{
	/* Of the open file, not of the process: it can be asked for without taking it. */
	struct flock lock = { .l_type = F_WRLCK };
	int fd = open_lock(root_fd, link, O_RDWR | O_CREAT);

	if (fd < 0) {
		err_errno(err, "open run/call.%s", link);
		return -1;
	}
	share(root_fd, fd);
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return fd;
	if (errno == EAGAIN || errno == EACCES)
		err_exit(err, EX_TEMPFAIL, "%s is being called already", link);
	else
		err_errno(err, "lock run/call.%s", link);
	file_close(&fd);
	return -1;
}

static bool is_locked(int fd)
{
	struct flock lock = { .l_type = F_RDLCK };

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool link_is_called(int root_fd, const char *link)
{
	AUTO_FD fd = open_lock(root_fd, link, O_RDONLY);

	return fd >= 0 && is_locked(fd);
}

bool link_call_mark(int call_fd, bool dialled, struct err *err)
{
	char boot_id[CLOCK_TEXT_MAX] = "";
	size_t len = dialled ? strlen(clock_boot_id(boot_id)) : 0;

	if (ftruncate(call_fd, 0) == 0 &&
	    pwrite(call_fd, boot_id, len, 0) == (ssize_t)len)
		return true;
	return err_errno(err, "write run/call");
}

bool link_call_is_marked(int call_fd)
{
	char boot_id[CLOCK_TEXT_MAX], found[CLOCK_TEXT_MAX];
	ssize_t len = pread(call_fd, found, sizeof(found), 0);

	clock_boot_id(boot_id);
	return len > 0 && (size_t)len == strlen(boot_id) &&
	       memcmp(found, boot_id, (size_t)len) == 0;
}

bool link_call_was_left(int root_fd, const char *link)
{
	AUTO_FD fd = open_lock(root_fd, link, O_RDONLY);

	return fd >= 0 && link_call_is_marked(fd) && !is_locked(fd);
}

static void path_of(const char *link, char path_out[PATH_ROOM])
{
	snprintf(path_out, PATH_ROOM, "spool/state/calls/%s", link);
}

void call_note_read(int root_fd, const char *link, struct call_note *note_out)
{
	char path[PATH_ROOM];

	*note_out = (struct call_note){ 0 };
	path_of(link, path);
	note_read(root_fd, path, keys, LENGTH(keys), note_out);
}

bool call_note_write(int root_fd, const char *link, const struct call_note *note,
		     struct err *err)
{
	char path[PATH_ROOM];

	path_of(link, path);
	return file_make_dir(root_fd, "spool/state/calls", 0755, err) &&
	       note_write(root_fd, path, keys, LENGTH(keys), note, err);
}
