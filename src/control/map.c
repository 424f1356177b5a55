#include "control/map.h"

#include <cdb.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "control/signature.h"

#define SOURCE_MAX ((size_t)64 * 1024 * 1024)

/* No address, user or domain is this: tcpserver and its kin never look for it. */
static const struct span source_key = { "\0source", 7 };

enum map_found map_get(int control_fd, const char *name, struct span key,
		       struct buf *value_out, struct err *err)
{
	AUTO_FD fd = openat(control_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct cdb cdb;
	const void *value;
	int found;
	bool kept = true;

	if (fd < 0) {
		err_errno(err, "open control/%s", name);
		return MAP_FAILED;
	}
	if (cdb_init(&cdb, fd) != 0) {
		err_temporary(err, "4.3.5",
			      "control/%s is no map; make it with `lontar rebuild`",
			      name);
		return MAP_FAILED;
	}
	found = key.len > UINT_MAX ? 0 : cdb_find(&cdb, key.at, (unsigned)key.len);
	if (found > 0) {
		value = cdb_getdata(&cdb);
		kept = value && buf_append(value_out, value, cdb_datalen(&cdb));
	}
	cdb_free(&cdb);
	if (found >= 0 && kept)
		return found ? MAP_FOUND : MAP_MISSING;
	err_temporary(err, "4.3.5",
		      "control/%s is damaged; make it with `lontar rebuild`", name);
	return MAP_FAILED;
}

struct map_maker {
	struct cdb_make cdb;
	int control_fd; /* borrowed */
	int fd;
	char *name;
	char *draft;
	struct timespec source_time;
};

static struct map_maker *forget(struct map_maker *maker)
{
	unlinkat(maker->control_fd, maker->draft, 0);
	file_close(&maker->fd);
	free(maker->name);
	free(maker->draft);
	free(maker);
	return NULL;
}

static bool is_later(const struct timespec *one, const struct timespec *other)
{
	return one->tv_sec != other->tv_sec ? one->tv_sec > other->tv_sec
					    : one->tv_nsec > other->tv_nsec;
}

/* umask has no say in who may read a map. */
static bool set_mode(const struct map_maker *maker, const char *readers, struct err *err)
{
	const struct group *group = readers && geteuid() == 0 ? getgrnam(readers) : NULL;
	mode_t mode = readers ? (group ? 0640 : 0600) : 0644;

	if ((group && fchown(maker->fd, (uid_t)-1, group->gr_gid) != 0) ||
	    fchmod(maker->fd, mode) != 0)
		return err_errno(err, "permissions of control/%s", maker->draft);
	return true;
}

/* A source from the future, as a clock that was set back leaves it, would look newer than
 * its map for a long time. */
static bool set_time(const struct map_maker *maker, struct err *err)
{
	const struct timespec times[2] = { maker->source_time, maker->source_time };
	struct stat st;

	if (fstat(maker->fd, &st) != 0)
		return err_errno(err, "stat control/%s", maker->draft);
	if (!is_later(&maker->source_time, &st.st_mtim) ||
	    futimens(maker->fd, times) == 0)
		return true;
	return err_errno(err, "time of control/%s", maker->draft);
}

static uint64_t signature_of(struct span source)
{
	return signature_bytes(SIGNATURE_START, source);
}

struct map_maker *map_make(int control_fd, const char *name,
			   const struct map_source *source, const char *readers,
			   struct err *err)
{
	struct map_maker *maker = must_alloc(sizeof(*maker));
	AUTO_BUF draft = BUF_INIT(300);
	uint64_t signature = signature_of(source->text);
	struct stat st;

	if (!buf_appendf(&draft, "%s.tmp%d", name, (int)getpid()))
		buf_reset(&draft);
	maker->control_fd = control_fd;
	maker->name = must_copy(name);
	maker->draft = buf_take(&draft);
	if (fstatat(control_fd, source->name, &st, 0) == 0)
		maker->source_time = st.st_mtim;
	maker->fd = openat(control_fd, maker->draft,
			   O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (maker->fd < 0) {
		err_errno(err, "create control/%s", maker->draft);
		return forget(maker);
	}
	if (!set_mode(maker, readers, err))
		return forget(maker);
	if (cdb_make_start(&maker->cdb, maker->fd) != 0) {
		err_errno(err, "write control/%s", maker->draft);
		return forget(maker);
	}
	if (!map_put(maker, source_key,
		     (struct span){ (const char *)&signature, sizeof(signature) }, err)) {
		cdb_make_finish(&maker->cdb); /* frees what it holds */
		return forget(maker);
	}
	return maker;
}

bool map_put(struct map_maker *maker, struct span key, struct span value, struct err *err)
{
	if (key.len > INT_MAX || value.len > INT_MAX)
		errno = EFBIG;
	else if (cdb_make_add(&maker->cdb, key.at, (unsigned)key.len, value.at,
			      (unsigned)value.len) == 0)
		return true;
	return err_errno(err, "write control/%s", maker->draft);
}

bool map_finish(struct map_maker *maker, bool keep, struct err *err)
{
	AUTO_FD folder = -1;
	/* Also what frees the maker's memory. */
	bool done = cdb_make_finish(&maker->cdb) == 0;

	if (!keep) {
		forget(maker);
		return true;
	}
	if (!done) {
		err_errno(err, "write control/%s", maker->draft);
	} else if ((folder = file_open_dir(maker->control_fd, ".", err)) < 0 ||
		   !set_time(maker, err) || !file_sync(maker->fd, maker->draft, err)) {
		done = false;
	} else if (renameat(maker->control_fd, maker->draft, maker->control_fd,
			    maker->name) != 0) {
		done = err_errno(err, "rename control/%s", maker->draft);
	}
	forget(maker);
	return done && file_sync_dir(folder, "control", err);
}

bool map_is_stale(int control_fd, const char *source, const char *map)
{
	AUTO_BUF text = BUF_INIT(SOURCE_MAX);
	AUTO_BUF value = BUF_INIT(64);
	struct stat source_st, map_st;
	struct err ignored;
	uint64_t signature;

	if (fstatat(control_fd, source, &source_st, 0) != 0 ||
	    fstatat(control_fd, map, &map_st, 0) != 0)
		return false;
	if (is_later(&source_st.st_mtim, &map_st.st_mtim))
		return true;
	/* An older file may have been moved here, and within one tick of the clock both
	 * may have been written in either order: then only the text tells. */
	if (is_later(&map_st.st_mtim, &source_st.st_mtim) &&
	    is_later(&map_st.st_ctim, &source_st.st_ctim))
		return false;
	if (!file_read(control_fd, source, &text, &ignored) ||
	    map_get(control_fd, map, source_key, &value, &ignored) != MAP_FOUND ||
	    value.len != sizeof(signature))
		return false;
	signature = signature_of(buf_span(&text));
	return memcmp(value.data, &signature, sizeof(signature)) != 0;
}
