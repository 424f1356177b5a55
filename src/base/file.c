#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES ((size_t)4096)

void file_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int file_open_dir(int at, const char *name, struct err *err)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		err_errno(err, "open folder %s", name);
	return fd;
}

static bool read_all(int fd, const char *name, struct buf *buf, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		return err_exit(err, EX_CONFIG, "%s is not a regular file", name);
	for (;;) {
		size_t room = buf->max - buf->len;
		char beyond, *at = &beyond;
		ssize_t got;

		if (room > READ_BYTES)
			room = READ_BYTES;
		if (room)
			at = buf_reserve(buf, room);
		got = read(fd, at, room ? room : sizeof(beyond));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "read %s", name);
		if (got == 0)
			return true;
		if (!room)
			return err_exit(err, EX_CONFIG, "%s is larger than %zu bytes",
					name, buf->max);
		buf_wrote(buf, (size_t)got);
	}
}

bool file_read_if_any(int at, const char *name, struct buf *buf, bool *found_out,
		      struct err *err)
{
	/* O_NONBLOCK: a FIFO put in a setting's place must not hang us. */
	AUTO_FD fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	*found_out = fd >= 0;
	if (fd < 0)
		return errno == ENOENT ? true : err_errno(err, "open %s", name);
	return read_all(fd, name, buf, err);
}

bool file_read(int at, const char *name, struct buf *buf, struct err *err)
{
	bool found;

	if (!file_read_if_any(at, name, buf, &found, err))
		return false;
	if (found)
		return true;
	errno = ENOENT;
	return err_errno(err, "open %s", name);
}

bool file_write(int fd, const void *bytes, size_t len, struct err *err)
{
	const char *at = bytes;

	while (len) {
		ssize_t wrote = write(fd, at, len);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return err_errno(err, "write");
		at += wrote;
		len -= (size_t)wrote;
	}
	return true;
}

bool file_copy(int from_fd, off_t offset, uint64_t bytes, int to_fd, struct err *err)
{
	char piece[64 * 1024];

	while (bytes) {
		size_t want = bytes < sizeof(piece) ? (size_t)bytes : sizeof(piece);
		ssize_t got = pread(from_fd, piece, want, offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "read");
		if (got == 0)
			return err_temporary(err, "4.3.0",
					     "file became shorter while copied");
		if (!file_write(to_fd, piece, (size_t)got, err))
			return false;
		offset += got;
		bytes -= (uint64_t)got;
	}
	return true;
}

bool file_sync(int fd, const char *what, struct err *err)
{
	return fdatasync(fd) == 0 ? true : err_errno(err, "sync %s", what);
}

bool file_sync_dir(int fd, const char *what, struct err *err)
{
	return fsync(fd) == 0 ? true : err_errno(err, "sync folder %s", what);
}

/* The folder that holds `name`: a descriptor to sync after a change in it. */
static int open_parent(int at, const char *name, struct err *err)
{
	const char *slash = strrchr(name, '/');
	char parent[512];

	if (!slash)
		return file_open_dir(at, ".", err);
	if ((size_t)(slash - name) >= sizeof(parent)) {
		errno = ENAMETOOLONG;
		err_errno(err, "open folder of %s", name);
		return -1;
	}
	memcpy(parent, name, (size_t)(slash - name));
	parent[slash - name] = '\0';
	return file_open_dir(at, slash == name ? "/" : parent, err);
}

bool file_replace(int at, const char *name, const void *bytes, size_t len, mode_t mode,
		  struct err *err)
{
	char draft[600];
	AUTO_FD folder = open_parent(at, name, err);
	AUTO_FD fd = -1;

	if (folder < 0)
		return false;
	if ((size_t)snprintf(draft, sizeof(draft), "%s.tmp%d", name, (int)getpid()) >=
	    sizeof(draft)) {
		errno = ENAMETOOLONG;
		return err_errno(err, "replace %s", name);
	}
	fd = openat(at, draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return err_errno(err, "create %s", draft);
	if (!file_write(fd, bytes, len, err) || !file_sync(fd, draft, err)) {
		unlinkat(at, draft, 0);
		return err_context(err, "replace %s", name);
	}
	if (renameat(at, draft, at, name) != 0) {
		err_errno(err, "rename %s to %s", draft, name);
		unlinkat(at, draft, 0);
		return false;
	}
	return file_sync_dir(folder, name, err);
}

bool file_make_dir(int at, const char *name, mode_t mode, struct err *err)
{
	AUTO_FD folder = -1;

	if (mkdirat(at, name, mode) != 0)
		return errno == EEXIST ? true : err_errno(err, "make folder %s", name);
	folder = open_parent(at, name, err);
	return folder >= 0 && file_sync_dir(folder, name, err);
}

bool file_socketpair(int pair_out[2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair_out) != 0)
		return err_errno(err, "socketpair");
	return true;
}
