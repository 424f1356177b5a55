#include "store/user_maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "mail/wire.h"
#include "store/parked_name.h"

static bool temporary(struct err *err)
{
	err->kind = ERR_TEMPORARY;
	return false;
}

static int open_part(int maildir_fd, const char *name, struct err *err)
{
	int fd =
		openat(maildir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		err_errno(err, "open folder %s", name);
	return fd;
}

/* Where LF stands, and whether the last byte is one: for W= in the name. */
static bool count_wire(const struct letter *letter, uint64_t *wire_out, struct err *err)
{
	char piece[64 * 1024], last = '\n';
	uint64_t lines = 0, at = 0;

	for (size_t i = 0; i < letter->head.len; i++)
		lines += letter->head.at[i] == '\n';
	while (at < letter->bytes) {
		uint64_t left = letter->bytes - at;
		ssize_t got = pread(letter->fd, piece,
				    left < sizeof(piece) ? (size_t)left : sizeof(piece),
				    letter->body + (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? err_errno(err, "read the message")
				   : err_temporary(err, "4.3.0", "the message is short");
		for (ssize_t i = 0; i < got; i++)
			lines += piece[i] == '\n';
		last = piece[got - 1];
		at += (uint64_t)got;
	}
	*wire_out = wire_size(letter->head.len + letter->bytes, lines, last != '\n');
	return true;
}

static bool write_draft(int tmp_fd, const char *id, const struct letter *letter,
			struct err *err)
{
	int fd = openat(tmp_fd, id, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600);
	bool written;

	if (fd < 0)
		return err_errno(err, "create tmp/%s", id);
	written = file_write(fd, letter->head.at, letter->head.len, err) &&
		  file_copy(letter->fd, letter->body, letter->bytes, fd, err) &&
		  file_sync(fd, id, err);
	/* NFS tells of a full disk here. */
	if (close(fd) != 0 && written)
		return err_errno(err, "close tmp/%s", id);
	return written;
}

/* On NFS a link may have been made though its answer was lost. */
static bool link_it(int tmp_fd, int new_fd, const char *id, const char *name,
		    struct err *err)
{
	struct stat one, other;

	if (linkat(tmp_fd, id, new_fd, name, 0) == 0)
		return true;
	err_errno(err, "link new/%s", name);
	return fstatat(tmp_fd, id, &one, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(new_fd, name, &other, AT_SYMLINK_NOFOLLOW) == 0 &&
	       one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

static bool deliver(int maildir_fd, const char *host, const struct letter *letter,
		    struct err *err)
{
	AUTO_FD tmp_fd = open_part(maildir_fd, "tmp", err);
	AUTO_FD new_fd = tmp_fd < 0 ? -1 : open_part(maildir_fd, "new", err);
	struct parked_name name = { .recipients = 1, .state = PARKED_WAITING };
	char path[MAILDIR_NAME_MAX];
	const char *file = path + strlen("new/");
	bool done;

	if (new_fd < 0 || !count_wire(letter, &name.wire_bytes, err))
		return false;
	maildir_unique(host, name.id);
	name.disk_bytes = letter->head.len + letter->bytes;
	parked_name_format(&name, path);
	done = write_draft(tmp_fd, name.id, letter, err) &&
	       link_it(tmp_fd, new_fd, name.id, file, err);
	if (done && !file_sync_dir(new_fd, "new", err)) {
		unlinkat(new_fd, file, 0);
		done = false;
	}
	unlinkat(tmp_fd, name.id, 0);
	return done;
}

bool user_maildir_deliver(int home_fd, const char *path, const char *host,
			  const struct letter *letter, struct err *err)
{
	AUTO_FD maildir_fd = file_open_dir(home_fd, path, err);

	if (maildir_fd >= 0 && deliver(maildir_fd, host, letter, err))
		return true;
	err_context(err, "%s", path);
	return temporary(err);
}

static bool make_one(int at, const char *path, bool may_exist, struct err *err)
{
	struct stat st;

	if (mkdirat(at, path, 0700) == 0)
		return true;
	if (errno == EEXIST && may_exist && fstatat(at, path, &st, 0) == 0 &&
	    S_ISDIR(st.st_mode))
		return true;
	return err_errno(err, "make folder %s", path);
}

bool user_maildir_make(int at, const char *path, bool may_exist, struct err *err)
{
	static const char *const parts[] = { "tmp", "new", "cur" };
	AUTO_FD fd = -1;
	AUTO_FD parent = -1;

	if (!make_one(at, path, may_exist, err) ||
	    (fd = file_open_dir(at, path, err)) < 0)
		return false;
	for (size_t i = 0; i < LENGTH(parts); i++)
		if (!make_one(fd, parts[i], may_exist, err))
			return false;
	parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return file_sync_dir(fd, path, err) &&
	       (parent < 0 || file_sync_dir(parent, "..", err));
}
