#include "link/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "control/routes.h"

#define PATH_ROOM (SMARTHOST_NAME_MAX + 16)

static int open_lock(int root_fd, const char *link, int flags)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "run/call.%s", link);
	return openat(root_fd, path, flags | O_CLOEXEC | O_NOFOLLOW, 0644);
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
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return fd;
	if (errno == EAGAIN || errno == EACCES)
		err_exit(err, EX_TEMPFAIL, "%s is being called already", link);
	else
		err_errno(err, "lock run/call.%s", link);
	file_close(&fd);
	return -1;
}

bool link_is_called(int root_fd, const char *link)
{
	struct flock lock = { .l_type = F_RDLCK };
	AUTO_FD fd = open_lock(root_fd, link, O_RDONLY);

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
