#include "control/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

const char *root_path(const char *root_option)
{
	const char *named = getenv("LONTAR_ROOT");

	if (root_option && root_option[0])
		return root_option;
	return named && named[0] ? named : ROOT_DEFAULT;
}

int root_open(const char *root_option, struct err *err)
{
	const char *path = root_path(root_option);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		err_exit(err, EX_NOINPUT,
			 "no gateway at %s; `lontar init --root %s --me HOST` makes one, "
			 "or name another with --root or LONTAR_ROOT",
			 path, path);
	else
		err_errno(err, "open root %s", path);
	return -1;
}

bool root_enter(const char *root_option, struct err *err)
{
	AUTO_FD fd = root_open(root_option, err);

	if (fd < 0)
		return false;
	return fchdir(fd) == 0 ? true
			       : err_errno(err, "enter root %s", root_path(root_option));
}

int root_control(int root_fd, struct err *err)
{
	int fd = openat(root_fd, "control", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		err_exit(err, EX_CONFIG,
			 "the root has no control folder; make one with `lontar init` or "
			 "name another root with --root");
	else
		err_errno(err, "open control");
	return -1;
}
