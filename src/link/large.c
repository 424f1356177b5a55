#include "link/large.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "link/note_file.h"

#define FOLDER     "spool/pickup/_large"
#define PATH_BYTES 64
#define PREFIX     "fetch-"
#define ID_DIGITS  (LARGE_ID_MAX - 2)

static const struct note_key keys[] = {
	NOTE_KEY(large, pickup, NOTE_TEXT), NOTE_KEY(large, token, NOTE_TEXT),
	NOTE_KEY(large, key, NOTE_TEXT),    NOTE_KEY(large, octets, NOTE_NUMBER),
	NOTE_KEY(large, since, NOTE_TIME),  NOTE_KEY(large, recipient, NOTE_TEXT),
	NOTE_KEY(large, from, NOTE_TEXT),   NOTE_KEY(large, subject, NOTE_TEXT),
	NOTE_KEY(large, date, NOTE_TEXT),   NOTE_KEY(large, cost, NOTE_TEXT),
};

static const char *const wish_endings[] = {
	[LARGE_FETCH] = ".fetch",
	[LARGE_DROP] = ".drop",
};

static bool are_digits(struct span text, size_t count)
{
	if (text.len != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!isdigit((unsigned char)text.at[i]) &&
		    (text.at[i] < 'a' || text.at[i] > 'f'))
			return false;
	return true;
}

void large_id(const char *digest, char id_out[LARGE_ID_MAX])
{
	snprintf(id_out, LARGE_ID_MAX, "p%.*s", ID_DIGITS, digest);
}

bool large_id_is_valid(struct span id)
{
	return id.len && id.at[0] == 'p' && are_digits(span_after(id, 1), ID_DIGITS);
}

bool large_new_token(char token_out[LARGE_TOKEN_MAX], struct err *err)
{
	unsigned char bytes[(LARGE_TOKEN_MAX - 1) / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_errno(err, "get random bytes");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(token_out + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

static const char *path_of(const char *id, enum large_wish wish, char out[PATH_BYTES])
{
	snprintf(out, PATH_BYTES, FOLDER "/%s%s", id,
		 wish == LARGE_WAIT ? "" : wish_endings[wish]);
	return out;
}

static bool exists(int root_fd, const char *path)
{
	return faccessat(root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool large_read(int root_fd, const char *id, struct large *large_out)
{
	char path[PATH_BYTES];

	*large_out = (struct large){ 0 };
	if (!large_id_is_valid(span_of(id)))
		return false;
	snprintf(large_out->id, sizeof(large_out->id), "%s", id);
	if (!note_read(root_fd, path_of(id, LARGE_WAIT, path), keys, LENGTH(keys),
		       large_out) ||
	    !large_out->pickup[0] ||
	    !are_digits(span_of(large_out->token), LARGE_TOKEN_MAX - 1))
		return false;
	if (exists(root_fd, path_of(id, LARGE_FETCH, path)))
		large_out->wish = LARGE_FETCH;
	else if (exists(root_fd, path_of(id, LARGE_DROP, path)))
		large_out->wish = LARGE_DROP;
	return true;
}

/* As spool/pickup is: who wishes may be another user than who fetches. */
static bool make_folder(int root_fd, struct err *err)
{
	struct stat st;

	if (exists(root_fd, FOLDER))
		return true;
	if (fstatat(root_fd, "spool/pickup", &st, 0) != 0)
		return err_errno(err, "look at spool/pickup");
	if (!file_make_dir(root_fd, FOLDER, 0700, err))
		return false;
	return fchmodat(root_fd, FOLDER, st.st_mode & 07777, 0) == 0
		       ? true
		       : err_errno(err, "chmod " FOLDER);
}

bool large_write(int root_fd, const struct large *large, struct err *err)
{
	char path[PATH_BYTES];

	return make_folder(root_fd, err) &&
	       note_write(root_fd, path_of(large->id, LARGE_WAIT, path), keys,
			  LENGTH(keys), large, err);
}

void large_remove(int root_fd, const char *id)
{
	char path[PATH_BYTES];

	/* The wish last: one without its message is nothing. */
	unlinkat(root_fd, path_of(id, LARGE_WAIT, path), 0);
	unlinkat(root_fd, path_of(id, LARGE_FETCH, path), 0);
	unlinkat(root_fd, path_of(id, LARGE_DROP, path), 0);
}

bool large_each(int root_fd, const char *pickup,
		void (*each)(void *ctx, const struct large *large), void *ctx,
		struct err *err)
{
	struct dirent *entry;
	DIR *stream;
	int fd;

	if (!exists(root_fd, FOLDER))
		return true;
	fd = file_open_dir(root_fd, FOLDER, err);
	stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		file_close(&fd);
		return false;
	}
	while ((entry = readdir(stream))) {
		struct large large;

		if (large_read(root_fd, entry->d_name, &large) &&
		    (!pickup || strcmp(large.pickup, pickup) == 0))
			each(ctx, &large);
	}
	closedir(stream);
	return true;
}

struct list {
	struct large *items;
	size_t count;
};

static void add(void *ctx, const struct large *large)
{
	struct list *list = ctx;

	/* Doubled at each power of two. */
	if ((list->count & (list->count - 1)) == 0)
		list->items =
			must_resize(list->items, 2 * list->count + 1, sizeof(*large));
	list->items[list->count++] = *large;
}

static int by_age(const void *one, const void *other)
{
	const struct large *a = one, *b = other;

	if (a->since != b->since)
		return a->since < b->since ? -1 : 1;
	return strcmp(a->id, b->id);
}

bool large_list(int root_fd, const char *pickup, struct large **larges_out,
		size_t *count_out, struct err *err)
{
	struct list list = { 0 };
	bool read = large_each(root_fd, pickup, add, &list, err);

	if (list.count)
		qsort(list.items, list.count, sizeof(*list.items), by_age);
	*larges_out = list.items;
	*count_out = list.count;
	return read;
}

static bool make_file(int root_fd, const char *path, struct err *err)
{
	AUTO_FD fd =
		openat(root_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	return fd >= 0 ? true : err_errno(err, "create %s", path);
}

bool large_set_wish(int root_fd, const char *id, enum large_wish wish, struct err *err)
{
	AUTO_FD folder = -1;
	struct large large;
	char path[PATH_BYTES];

	if (!large_read(root_fd, id, &large))
		return err_exit(err, EX_NOINPUT, "no message %s waits at a provider", id);
	folder = file_open_dir(root_fd, FOLDER, err);
	if (folder < 0 ||
	    (wish != LARGE_WAIT && !make_file(root_fd, path_of(id, wish, path), err)))
		return false;
	for (enum large_wish other = LARGE_FETCH; other <= LARGE_DROP; other++)
		if (other != wish &&
		    unlinkat(root_fd, path_of(id, other, path), 0) != 0 &&
		    errno != ENOENT)
			return err_errno(err, "remove %s", path);
	/* It may have been fetched meanwhile. */
	if (!exists(root_fd, path_of(id, LARGE_WAIT, path)))
		large_remove(root_fd, id);
	return file_sync_dir(folder, FOLDER, err);
}

bool large_act(int root_fd, const char *verb, const char *id, struct err *err)
{
	static const struct {
		const char *verb;
		enum large_wish wish;
	} verbs[] = { { "release", LARGE_FETCH },
		      { "first", LARGE_FETCH },
		      { "hold", LARGE_WAIT },
		      { "drop-unread", LARGE_DROP } };

	for (size_t i = 0; i < LENGTH(verbs); i++)
		if (strcmp(verb, verbs[i].verb) == 0)
			return large_set_wish(root_fd, id, verbs[i].wish, err);
	return err_exit(
		err, EX_USAGE,
		"%s is still at the provider and nobody here has read it: `lontar "
		"drop --unread %s` has it deleted there for good",
		id, id);
}

void large_local_part(const struct large *large, char local_out[LARGE_LOCAL_MAX])
{
	snprintf(local_out, LARGE_LOCAL_MAX, PREFIX "%s-%s", large->id, large->token);
}

bool large_local_part_parse(struct span local, char id_out[LARGE_ID_MAX],
			    char token_out[LARGE_TOKEN_MAX])
{
	const size_t prefix = sizeof(PREFIX) - 1, dash = prefix + LARGE_ID_MAX - 1;
	char text[LARGE_LOCAL_MAX];

	if (local.len != dash + LARGE_TOKEN_MAX)
		return false;
	for (size_t i = 0; i < local.len; i++)
		text[i] = (char)tolower((unsigned char)local.at[i]);
	if (memcmp(text, PREFIX, prefix) != 0 || text[dash] != '-' ||
	    !large_id_is_valid((struct span){ text + prefix, LARGE_ID_MAX - 1 }) ||
	    !are_digits((struct span){ text + dash + 1, LARGE_TOKEN_MAX - 1 },
			LARGE_TOKEN_MAX - 1))
		return false;
	snprintf(id_out, LARGE_ID_MAX, "%.*s", LARGE_ID_MAX - 1, text + prefix);
	snprintf(token_out, LARGE_TOKEN_MAX, "%.*s", LARGE_TOKEN_MAX - 1,
		 text + dash + 1);
	return true;
}
