#include "store/parked.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

struct parked {
	char *smarthost;
	int root_fd;
	int fd; /* the Maildir */
	int new_fd;
	int cur_fd;
	int lock_fd;
};

/* Who parks and who sends may be two users: spool/parked then has another owner or group
 * than ours, and its group, which what is made below inherits, is the one they share. */
static bool is_shared(int root_fd)
{
	struct stat folder;

	return fstatat(root_fd, "spool/parked", &folder, 0) == 0 &&
	       (folder.st_uid != geteuid() || folder.st_gid != getegid());
}

/* What root makes, where no gateway runs, lontar has to write later. */
static bool give_to_owner(int root_fd, const char *path, struct err *err)
{
	struct stat folder;

	if (geteuid() != 0)
		return true;
	return (fstatat(root_fd, "spool/parked", &folder, 0) == 0 &&
		fchownat(root_fd, path, folder.st_uid, (gid_t)-1, 0) == 0) ||
	       err_errno(err, "chown %s", path);
}

static bool make_folders(int root_fd, const char *path, struct err *err)
{
	static const char *const folders[] = { "", "/tmp", "/new", "/cur" };
	bool shared = is_shared(root_fd);

	for (size_t i = 0; i < LENGTH(folders); i++) {
		char name[128];

		snprintf(name, sizeof(name), "%s%s", path, folders[i]);
		if (!file_make_dir(root_fd, name, 0700, err))
			return false;
		if (!give_to_owner(root_fd, name, err))
			return false;
		/* One that exists is somebody else's, and has its mode already. */
		if (shared && fchmodat(root_fd, name, S_ISGID | 0770, 0) != 0 &&
		    errno != EPERM)
			return err_errno(err, "chmod %s", name);
	}
	return true;
}

struct parked *parked_open(int root_fd, const char *smarthost, bool make, struct err *err)
{
	struct parked *parked = must_alloc(sizeof(*parked));
	char path[100];

	*parked = (struct parked){ .smarthost = must_copy(smarthost),
				   .root_fd = root_fd,
				   .fd = -1,
				   .new_fd = -1,
				   .cur_fd = -1,
				   .lock_fd = -1 };
	snprintf(path, sizeof(path), "spool/parked/%s", smarthost);
	if ((!make || make_folders(root_fd, path, err)) &&
	    (parked->fd = file_open_dir(root_fd, path, err)) >= 0 &&
	    (parked->new_fd = file_open_dir(parked->fd, "new", err)) >= 0 &&
	    (parked->cur_fd = file_open_dir(parked->fd, "cur", err)) >= 0)
		return parked;
	parked_close(parked);
	return NULL;
}

void parked_close(struct parked *parked)
{
	if (!parked)
		return;
	file_close(&parked->fd);
	file_close(&parked->new_fd);
	file_close(&parked->cur_fd);
	file_close(&parked->lock_fd);
	free(parked->smarthost);
	free(parked);
}

const char *parked_smarthost(const struct parked *parked)
{
	return parked->smarthost;
}

bool parked_lock(struct parked *parked, struct err *err)
{
	char path[100];

	snprintf(path, sizeof(path), "run/lock.%s", parked->smarthost);
	parked->lock_fd =
		openat(parked->root_fd, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (parked->lock_fd < 0)
		return err_errno(err, "open %s", path);
	/* For the other one of the two; refused where the file is his, and has it. */
	if (is_shared(parked->root_fd))
		(void)fchmod(parked->lock_fd, 0660);
	if (flock(parked->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno != EWOULDBLOCK)
		return err_errno(err, "lock %s", path);
	file_close(&parked->lock_fd);
	return err_exit(err, EX_TEMPFAIL, "%s is being flushed by another program",
			parked->smarthost);
}

/* A file whose name is not as we write it: serialmail's own, or another Maildir program
 * put it in cur/. The lock's holder gives it its proper name; who only looks sees the
 * same facts, and parked_read finds it by its id. */
static void adopt(struct parked *parked, const char *folder, const char *file,
		  struct parked_name *name)
{
	char old[MAILDIR_NAME_MAX], path[MAILDIR_NAME_MAX];
	struct stat st;

	if (snprintf(old, sizeof(old), "%s/%s", folder, file) >= (int)sizeof(old) ||
	    fstatat(parked->fd, old, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	name->disk_bytes = (uint64_t)st.st_size;
	/* The line ends are guessed at one in forty bytes: this size orders the sending
	 * and is shown, it is never promised to a server. */
	if (!name->wire_bytes)
		name->wire_bytes = name->disk_bytes + name->disk_bytes / 40;
	parked_name_format(name, path);
	if (parked->lock_fd >= 0)
		renameat2(parked->fd, old, parked->fd, path, RENAME_NOREPLACE);
}

static bool is_proper(const char *folder, const char *file,
		      const struct parked_name *name)
{
	char path[MAILDIR_NAME_MAX];

	parked_name_format(name, path);
	return name->disk_bytes && strncmp(path, folder, 3) == 0 &&
	       strcmp(path + 4, file) == 0;
}

static DIR *open_folder(struct parked *parked, const char *folder, struct err *err)
{
	int fd = openat(parked->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (stream)
		return stream;
	err_errno(err, "list parked/%s/%s", parked->smarthost, folder);
	file_close(&fd);
	return NULL;
}

struct each {
	bool (*tell)(void *ctx, const struct parked_name *name);
	void *ctx;
	bool over; /* no more is wanted */
};

static bool each_in(struct parked *parked, const char *folder, struct each *each,
		    struct err *err)
{
	DIR *stream = open_folder(parked, folder, err);
	struct dirent *entry;
	bool read_all;

	if (!stream)
		return false;
	while (!each->over && (errno = 0, entry = readdir(stream))) {
		struct parked_name name;

		if (!parked_name_parse(entry->d_name, &name))
			continue;
		if (!is_proper(folder, entry->d_name, &name))
			adopt(parked, folder, entry->d_name, &name);
		each->over = !each->tell(each->ctx, &name);
	}
	read_all = each->over || errno == 0;
	if (!read_all)
		err_errno(err, "list parked/%s/%s", parked->smarthost, folder);
	closedir(stream);
	return read_all;
}

bool parked_each(struct parked *parked,
		 bool (*each)(void *ctx, const struct parked_name *name), void *ctx,
		 struct err *err)
{
	struct each told = { each, ctx, false };

	/* new/ first: what moves to cur/ meanwhile is then seen twice rather than never.
	 */
	return each_in(parked, "new", &told, err) &&
	       (told.over || each_in(parked, "cur", &told, err));
}

struct listing {
	struct parked_list *list;
	size_t room;
};

static bool list_add(void *ctx, const struct parked_name *name)
{
	struct listing *listing = ctx;
	struct parked_list *list = listing->list;

	if (list->count == listing->room) {
		listing->room = listing->room ? listing->room * 2 : 64;
		list->names =
			must_resize(list->names, listing->room, sizeof(*list->names));
	}
	list->names[list->count++] = *name;
	return true;
}

bool parked_list(struct parked *parked, struct parked_list *list_out, struct err *err)
{
	struct listing listing = { .list = list_out };

	*list_out = (struct parked_list){ 0 };
	if (parked_each(parked, list_add, &listing, err))
		return true;
	parked_list_clear(list_out);
	return false;
}

void parked_list_clear(struct parked_list *list)
{
	free(list->names);
	*list = (struct parked_list){ 0 };
}

/* A rename since the listing, or a name that was never ours: the id is what stays. */
static int open_by_id(struct parked *parked, const char *folder, const char *id)
{
	struct err ignored;
	DIR *stream = open_folder(parked, folder, &ignored);
	struct dirent *entry;
	int fd = -1;

	while (stream && fd < 0 && (entry = readdir(stream)))
		if (span_is(maildir_id(entry->d_name), id))
			fd = openat(dirfd(stream), entry->d_name,
				    O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (stream)
		closedir(stream);
	return fd;
}

int parked_read(struct parked *parked, const struct parked_name *name,
		struct envelope *envelope_out, struct err *err)
{
	char path[MAILDIR_NAME_MAX];
	int fd;

	parked_name_format(name, path);
	fd = openat(parked->fd, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		fd = open_by_id(parked, "new", name->id);
		if (fd < 0)
			fd = open_by_id(parked, "cur", name->id);
	}
	if (fd < 0) {
		err_errno(err, "open parked message %s", name->id);
		return -1;
	}
	if (!envelope_read(fd, name->recipients, envelope_out, err)) {
		err_context(err, "parked message %s", name->id);
		file_close(&fd);
	}
	return fd;
}

bool parked_settle(struct parked *parked, int fd, struct envelope_recipient *recipient,
		   struct err *err)
{
	static const char mark = ENVELOPE_MARK_SETTLED;

	(void)parked;
	if (pwrite(fd, &mark, 1, recipient->mark) != 1)
		return err_errno(err, "settle %s", recipient->address);
	if (!file_sync(fd, recipient->address, err))
		return false;
	recipient->settled = true;
	return true;
}

bool parked_rename(struct parked *parked, struct parked_name *name,
		   const struct parked_name *to, struct err *err)
{
	char old[MAILDIR_NAME_MAX], path[MAILDIR_NAME_MAX];

	parked_name_format(name, old);
	parked_name_format(to, path);
	if (strcmp(old, path) != 0 &&
	    renameat2(parked->fd, old, parked->fd, path, RENAME_NOREPLACE) != 0)
		return err_errno(err, "rename parked message %s", name->id);
	*name = *to;
	return true;
}

bool parked_remove(struct parked *parked, const struct parked_name *name, struct err *err)
{
	char path[MAILDIR_NAME_MAX];

	parked_name_format(name, path);
	if (unlinkat(parked->fd, path, 0) != 0 && errno != ENOENT)
		return err_errno(err, "remove parked message %s", name->id);
	return true;
}

bool parked_move(struct parked *parked, const struct parked_name *name,
		 struct parked *target, struct err *err)
{
	char path[MAILDIR_NAME_MAX];

	parked_name_format(name, path);
	/* EEXIST: the power went between the link and the unlink of an earlier try. */
	if (linkat(parked->fd, path, target->fd, path, 0) != 0 && errno != EEXIST)
		return err_errno(err, "move %s to parked/%s", name->id,
				 target->smarthost);
	return parked_sync(target, err) && parked_remove(parked, name, err);
}

bool parked_sync(struct parked *parked, struct err *err)
{
	return file_sync_dir(parked->new_fd, "new", err) &&
	       file_sync_dir(parked->cur_fd, "cur", err);
}

static int compare_names(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

bool parked_smarthosts(int root_fd, struct parked_smarthosts *out, struct err *err)
{
	int fd = file_open_dir(root_fd, "spool/parked", err);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	*out = (struct parked_smarthosts){ 0 };
	if (!stream) {
		file_close(&fd);
		return false;
	}
	while ((entry = readdir(stream))) {
		if (entry->d_name[0] == '.')
			continue;
		out->names = must_resize(out->names, out->count + 1, sizeof(char *));
		out->names[out->count++] = must_copy(entry->d_name);
	}
	closedir(stream);
	if (out->count)
		qsort(out->names, out->count, sizeof(char *), compare_names);
	return true;
}

void parked_smarthosts_clear(struct parked_smarthosts *smarthosts)
{
	for (size_t i = 0; i < smarthosts->count; i++)
		free(smarthosts->names[i]);
	free(smarthosts->names);
	*smarthosts = (struct parked_smarthosts){ 0 };
}
