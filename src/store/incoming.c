#include "store/incoming.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"

#define FREE_BYTES_SPARE \
	(UINT64_C(4) * 1024 * 1024) /* left for settling, notes and bounces */
#define FREE_INODE_SPARE 64

bool incoming_has_room(int spool_fd, uint64_t bytes, struct err *err)
{
	struct statvfs space;
	uint64_t available;

	if (fstatvfs(spool_fd, &space) != 0)
		return err_errno(err, "free space of spool");
	available = (uint64_t)space.f_bavail * space.f_frsize;
	if (available < FREE_BYTES_SPARE || available - FREE_BYTES_SPARE < bytes)
		return err_temporary(err, "4.3.1",
				     "the disk is full: no room for %" PRIu64 " bytes",
				     bytes);
	/* f_files is 0 where the file system counts none (btrfs). */
	if (space.f_files && space.f_favail < FREE_INODE_SPARE)
		return err_temporary(err, "4.3.1", "the disk has no inodes left");
	return true;
}

void incoming_path(const char *id, char path_out[MAILDIR_NAME_MAX])
{
	snprintf(path_out, MAILDIR_NAME_MAX, "spool/incoming/%s", id);
}

bool incoming_give(int root_fd, const char *path, struct err *err)
{
	struct stat folder;

	if (geteuid() != 0)
		return true;
	if (fstatat(root_fd, "spool/incoming", &folder, 0) != 0)
		return err_errno(err, "look at spool/incoming");
	if (folder.st_uid == 0)
		return true;
	return fchownat(root_fd, path, folder.st_uid, folder.st_gid,
			AT_SYMLINK_NOFOLLOW) == 0 ||
	       err_errno(err, "chown %s", path);
}

int incoming_create(int root_fd, const char *id, int *reader_out, struct err *err)
{
	char path[MAILDIR_NAME_MAX];
	int fd;

	incoming_path(id, path);
	fd = openat(root_fd, path,
		    O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0) {
		err_errno(err, "create %s", path);
		return -1;
	}
	if (!incoming_give(root_fd, path, err)) {
		unlinkat(root_fd, path, 0);
		file_close(&fd);
		return -1;
	}
	*reader_out = openat(root_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (*reader_out >= 0)
		return fd;
	err_errno(err, "open %s", path);
	unlinkat(root_fd, path, 0);
	file_close(&fd);
	return -1;
}

int incoming_scratch(int root_fd, struct err *err)
{
	int fd = openat(root_fd, "spool/incoming", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		err_errno(err, "make a file in spool/incoming");
	return fd;
}

int incoming_use(int root_fd, struct err *err)
{
	int fd = file_open_dir(root_fd, "spool/incoming", err);

	if (fd < 0 || flock(fd, LOCK_SH) == 0)
		return fd;
	err_errno(err, "lock spool/incoming");
	file_close(&fd);
	return -1;
}

bool incoming_clear(int root_fd, struct err *err)
{
	int fd = file_open_dir(root_fd, "spool/incoming", err);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!stream) {
		file_close(&fd);
		return false;
	}
	while (flock(fd, LOCK_EX | LOCK_NB) == 0 && (entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			unlinkat(fd, entry->d_name, 0);
	closedir(stream);
	return true;
}
