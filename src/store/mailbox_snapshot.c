#include "store/mailbox_snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMES_MAX ((size_t)1 << 30)

static bool add(struct snapshot *snapshot, const char *name, bool in_cur)
{
	struct snapshot_entry entry = { .in_cur = in_cur };
	size_t len = strlen(name);

	entry.id_at = snapshot->names.len;
	entry.id_len = (uint8_t)maildir_id(name).len;
	entry.mark = name[entry.id_len];
	entry.sized = maildir_fact(name, 'W', &entry.octets);
	if (!buf_append(&snapshot->names, name, len + 1))
		return false;
	snapshot->names.data[entry.id_at + entry.id_len] = '\0';
	if (snapshot->count == snapshot->room) {
		snapshot->room = snapshot->room ? snapshot->room * 2 : 256;
		snapshot->all = must_resize(snapshot->all, snapshot->room,
					    sizeof(*snapshot->all));
	}
	snapshot->all[snapshot->count++] = entry;
	return true;
}

static bool is_message(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	       (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN) &&
	       strlen(entry->d_name) < MAILDIR_NAME_MAX && maildir_id(entry->d_name).len;
}

static bool read_folder(struct snapshot *snapshot, int folder_fd, bool in_cur,
			struct err *err)
{
	const char *what = in_cur ? "cur" : "new";
	const struct dirent *entry;
	DIR *folder;
	int fd;

	if (folder_fd < 0)
		return true;
	fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	folder = fd >= 0 ? fdopendir(fd) : NULL;
	if (!folder) {
		err_errno(err, "open %s", what);
		if (fd >= 0)
			close(fd);
		return false;
	}
	errno = 0;
	while ((entry = readdir(folder))) {
		if (is_message(entry) && !add(snapshot, entry->d_name, in_cur)) {
			closedir(folder);
			return err_temporary(err, "4.2.2", "too many messages in %s",
					     what);
		}
		errno = 0;
	}
	if (errno) {
		err_errno(err, "list %s", what);
		closedir(folder);
		return false;
	}
	closedir(folder);
	return true;
}

/* Ids begin with the time: numbers in them are compared as numbers, so that this is the
 * order of arrival, and the same in every session. */
static int compare(const void *left, const void *right, void *names)
{
	const struct snapshot_entry *a = left, *b = right;
	const char *base = names;
	int order = strverscmp(base + a->id_at, base + b->id_at);

	return order ? order : (int)a->in_cur - (int)b->in_cur;
}

/* A file that was moved while new/ and cur/ were read, one after the other, stands in
 * both lists: in cur/ is where it is now. */
static void keep_last_of_each(struct snapshot *snapshot)
{
	size_t kept = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct snapshot_entry *entry = &snapshot->all[i];

		if (kept && strcmp(snapshot_id(snapshot, entry),
				   snapshot_id(snapshot, &snapshot->all[kept - 1])) == 0)
			kept--;
		snapshot->all[kept++] = *entry;
	}
	snapshot->count = kept;
}

bool snapshot_take(struct snapshot *snapshot, int new_fd, int cur_fd, struct err *err)
{
	*snapshot = (struct snapshot){ .names = BUF_INIT(NAMES_MAX) };
	/* In this order, or a file moved meanwhile would be in neither. */
	if (!read_folder(snapshot, new_fd, false, err) ||
	    !read_folder(snapshot, cur_fd, true, err)) {
		snapshot_clear(snapshot);
		return false;
	}
	if (snapshot->count)
		qsort_r(snapshot->all, snapshot->count, sizeof(*snapshot->all), compare,
			snapshot->names.data);
	keep_last_of_each(snapshot);
	return true;
}

void snapshot_clear(struct snapshot *snapshot)
{
	free(snapshot->all);
	buf_clear(&snapshot->names);
	*snapshot = (struct snapshot){ .names = BUF_INIT(NAMES_MAX) };
}

const char *snapshot_id(const struct snapshot *snapshot,
			const struct snapshot_entry *entry)
{
	return snapshot->names.data + entry->id_at;
}

void snapshot_name(const struct snapshot *snapshot, const struct snapshot_entry *entry,
		   char name_out[MAILDIR_NAME_MAX])
{
	const char *id = snapshot_id(snapshot, entry);
	size_t len = entry->id_len;

	memcpy(name_out, id, len);
	if (entry->mark) {
		name_out[len] = entry->mark;
		len += 1 + strlen(id + len + 1);
		memcpy(name_out + entry->id_len + 1, id + entry->id_len + 1,
		       len - entry->id_len - 1);
	}
	name_out[len] = '\0';
}

void snapshot_update(struct snapshot *old, struct snapshot *now)
{
	struct buf names = old->names;
	size_t at = 0;

	for (size_t i = 0; i < old->count; i++) {
		struct snapshot_entry *entry = &old->all[i];
		int order = 1;

		if (entry->gone)
			continue;
		while (at < now->count &&
		       (order = strverscmp(snapshot_id(now, &now->all[at]),
					   snapshot_id(old, entry))) < 0)
			at++;
		if (at == now->count || order != 0) {
			entry->gone = true;
			continue;
		}
		entry->id_at = now->all[at].id_at;
		entry->mark = now->all[at].mark;
		entry->in_cur = now->all[at].in_cur;
	}
	old->names = now->names;
	now->names = names;
	snapshot_clear(now);
}
