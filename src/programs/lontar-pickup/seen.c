#include "programs/lontar-pickup/seen.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/number.h"

#define FILE_MAX_BYTES ((size_t)256 * 1024 * 1024)
#define WEEK_S         ((int64_t)7 * 86400)
#define KEPT_S         (4 * WEEK_S) /* not listed for so long: forgotten */
#define LINE_ROOM      200
#define LOCK_TRIES     500 /* of 20 ms */

/* Indices of entries plus 1, by the first letters of a text; its size is a power of two
 * and at least twice what is in it. */
struct table {
	uint32_t *slots;
	size_t size;
};

struct seen {
	int root_fd;
	char path[128];
	int fd;
	bool is_torn; /* the last line has no end */
	int64_t written_anew;
	char mailbox[DIGEST_TEXT_MAX]; /* "": nothing was said */
	struct seen_entry *entries;
	size_t count;
	size_t room;
	struct table keys;
	struct table digests;
	struct table identities;
};

typedef const char *text_of(const struct seen_entry *entry);

static const char *key_of(const struct seen_entry *entry)
{
	return entry->key;
}

static const char *digest_of(const struct seen_entry *entry)
{
	return entry->digest;
}

static const char *identity_of(const struct seen_entry *entry)
{
	return entry->identity;
}

/* The texts are digests already: any part of them is a hash. */
static size_t hash(const char *text)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 12 && text[i]; i++)
		value = value * 37 + (unsigned char)text[i];
	return (size_t)(value ^ value >> 21);
}

static uint32_t *slot_of(const struct seen *seen, const struct table *table, text_of *of,
			 const char *text)
{
	size_t at = hash(text);

	for (;; at++) {
		uint32_t *slot = &table->slots[at & (table->size - 1)];

		if (!*slot || strcmp(of(&seen->entries[*slot - 1]), text) == 0)
			return slot;
	}
}

static void index_one(struct seen *seen, size_t i)
{
	const struct seen_entry *entry = &seen->entries[i];

	if (strcmp(entry->key, "-") != 0)
		*slot_of(seen, &seen->keys, key_of, entry->key) = (uint32_t)i + 1;
	if (strcmp(entry->digest, "-") != 0)
		*slot_of(seen, &seen->digests, digest_of, entry->digest) =
			(uint32_t)i + 1;
	if (entry->identity[0])
		*slot_of(seen, &seen->identities, identity_of, entry->identity) =
			(uint32_t)i + 1;
}

static void index_all(struct seen *seen, size_t size)
{
	struct table *const tables[] = { &seen->keys, &seen->digests, &seen->identities };

	for (size_t i = 0; i < LENGTH(tables); i++) {
		free(tables[i]->slots);
		tables[i]->slots = must_alloc(size * sizeof(uint32_t));
		tables[i]->size = size;
	}
	for (size_t i = 0; i < seen->count; i++)
		index_one(seen, i);
}

static void keep(struct seen *seen, const struct seen_entry *entry)
{
	if (seen->count == seen->room) {
		seen->room = seen->room ? seen->room * 2 : 64;
		seen->entries =
			must_resize(seen->entries, seen->room, sizeof(*seen->entries));
		seen->entries[seen->count++] = *entry;
		index_all(seen, seen->room * 2);
		return;
	}
	seen->entries[seen->count] = *entry;
	index_one(seen, seen->count++);
}

static bool take_text(struct span *line, char text_out[DIGEST_TEXT_MAX])
{
	struct span word;

	if (!span_cut(line, ' ', &word) || !word.len || word.len >= DIGEST_TEXT_MAX)
		return false;
	memcpy(text_out, word.at, word.len);
	text_out[word.len] = '\0';
	return true;
}

static bool take_time(struct span *line, int64_t *time_out)
{
	struct span word;
	uint64_t number;

	if (!span_cut(line, ' ', &word) || !number_parse(word, INT64_MAX, &number))
		return false;
	*time_out = (int64_t)number;
	return true;
}

/* The entry stays where it is in the table, under a key that nobody looks for. */
static void drop_key(struct seen *seen, const char *key)
{
	struct seen_entry *entry = seen_find(seen, key);

	if (entry)
		snprintf(entry->key, sizeof(entry->key), "-");
}

/* A line that makes no sense is a lost hint. */
static void take_line(struct seen *seen, struct span line)
{
	struct seen_entry entry = { .kind = SEEN_FETCHED };
	struct span kind;
	int64_t octets;

	if (!span_cut(&line, ' ', &kind) || kind.len != 1)
		return;
	if (kind.at[0] == '#') {
		take_time(&line, &seen->written_anew);
		return;
	}
	if (kind.at[0] == '@') {
		take_text(&line, seen->mailbox);
		return;
	}
	entry.kind = (enum seen_kind)kind.at[0];
	if (entry.kind == SEEN_GONE && take_text(&line, entry.key)) {
		drop_key(seen, entry.key);
		return;
	}
	if ((entry.kind == SEEN_FETCHED || entry.kind == SEEN_LARGE ||
	     entry.kind == SEEN_LEFT) &&
	    take_text(&line, entry.key) && take_text(&line, entry.digest) &&
	    take_time(&line, &entry.when) && take_time(&line, &entry.listed) &&
	    take_time(&line, &octets)) {
		entry.octets = (uint64_t)octets;
		if (line.at && !take_text(&line, entry.identity))
			entry.identity[0] = '\0';
		keep(seen, &entry);
	}
}

/* The pickup before this one may have been killed while its last message was on its way
 * to the disk. */
static bool wait_for_lock(int fd)
{
	const struct timespec moment = { .tv_nsec = 20000000 };

	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		nanosleep(&moment, NULL);
	}
	return false;
}

static bool open_file(struct seen *seen, struct err *err)
{
	file_close(&seen->fd);
	seen->fd = openat(seen->root_fd, seen->path,
			  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (seen->fd < 0)
		return err_errno(err, "open %s", seen->path);
	if (!wait_for_lock(seen->fd))
		return err_exit(err, EX_TEMPFAIL,
				"%s: what an earlier pickup brought is still being "
				"stored: try again",
				seen->path);
	/* Past the umask: alone it is another user's, of the same group. */
	(void)!fchmod(seen->fd, 0660);
	return true;
}

struct seen *seen_open(int root_fd, const char *name, struct err *err)
{
	struct seen *seen = must_alloc(sizeof(*seen));
	AUTO_BUF text = BUF_INIT(FILE_MAX_BYTES);
	struct span rest, line;
	bool found;

	*seen = (struct seen){ .root_fd = root_fd, .fd = -1 };
	snprintf(seen->path, sizeof(seen->path), "spool/pickup/%s", name);
	index_all(seen, 64);
	/* Read when nobody writes any more. */
	if (!open_file(seen, err) ||
	    !file_read_if_any(root_fd, seen->path, &text, &found, err)) {
		seen_close(seen);
		return NULL;
	}
	rest = buf_span(&text);
	seen->is_torn = text.len && text.data[text.len - 1] != '\n';
	if (seen->is_torn)
		while (rest.len && rest.at[rest.len - 1] != '\n')
			rest.len--;
	while (span_cut(&rest, '\n', &line))
		take_line(seen, line);
	return seen;
}

void seen_close(struct seen *seen)
{
	if (!seen)
		return;
	file_close(&seen->fd);
	free(seen->entries);
	free(seen->keys.slots);
	free(seen->digests.slots);
	free(seen->identities.slots);
	free(seen);
}

size_t seen_count(const struct seen *seen)
{
	return seen->count;
}

struct seen_entry *seen_find(const struct seen *seen, const char *key)
{
	uint32_t slot = *slot_of(seen, &seen->keys, key_of, key);

	return slot ? &seen->entries[slot - 1] : NULL;
}

const struct seen_entry *seen_find_identity(const struct seen *seen, const char *identity)
{
	uint32_t slot = identity[0]
				? *slot_of(seen, &seen->identities, identity_of, identity)
				: 0;
	const struct seen_entry *entry = slot ? &seen->entries[slot - 1] : NULL;

	return entry && strcmp(entry->key, "-") != 0 ? entry : NULL;
}

bool seen_has_digest(const struct seen *seen, const char *digest)
{
	return *slot_of(seen, &seen->digests, digest_of, digest) != 0;
}

static int format(const struct seen_entry *entry, char line_out[LINE_ROOM])
{
	return snprintf(line_out, LINE_ROOM,
			"%c %s %s %" PRId64 " %" PRId64 " %" PRIu64 "%s%s\n", entry->kind,
			entry->key, entry->digest, entry->when, entry->listed,
			entry->octets, entry->identity[0] ? " " : "", entry->identity);
}

/* The line's text stands behind one byte of room. */
static bool append_line(struct seen *seen, char *line, int len, struct err *err)
{
	bool torn = seen->is_torn;

	line[0] = '\n';
	seen->is_torn = true;
	if (!file_write(seen->fd, torn ? line : line + 1, (size_t)len + torn, err))
		return err_context(err, "%s", seen->path);
	seen->is_torn = false;
	return true;
}

static bool append(struct seen *seen, const struct seen_entry *entry, struct err *err)
{
	char line[LINE_ROOM + 1];

	return append_line(seen, line, format(entry, line + 1), err);
}

bool seen_is_of_another(const struct seen *seen, const char *mailbox)
{
	return seen->mailbox[0] && strcmp(seen->mailbox, mailbox) != 0;
}

bool seen_set_mailbox(struct seen *seen, const char *mailbox, struct err *err)
{
	char line[DIGEST_TEXT_MAX + 8];
	int len;

	if (strcmp(seen->mailbox, mailbox) == 0)
		return true;
	len = snprintf(line + 1, sizeof(line) - 1, "@ %s\n", mailbox);
	snprintf(seen->mailbox, sizeof(seen->mailbox), "%s", mailbox);
	return append_line(seen, line, len, err);
}

bool seen_add(struct seen *seen, const struct seen_entry *entry, struct err *err)
{
	if (!append(seen, entry, err))
		return false;
	keep(seen, entry);
	return true;
}

int seen_fd(const struct seen *seen)
{
	return seen->fd;
}

void seen_compose(const struct seen *seen, const struct seen_entry *entry,
		  struct seen_line *line_out)
{
	off_t end = lseek(seen->fd, 0, SEEK_END);

	_Static_assert(sizeof(line_out->text) > LINE_ROOM, "a line and what ends a torn "
							   "one");
	line_out->at = end < 0 ? 0 : (uint64_t)end;
	line_out->len = 0;
	if (seen->is_torn)
		line_out->text[line_out->len++] = '\n';
	line_out->len += (size_t)format(entry, line_out->text + line_out->len);
}

/* Nobody else appends: the file has grown by it, or by a part of it, or not at all. */
bool seen_confirm(struct seen *seen, const struct seen_entry *entry,
		  const struct seen_line *line, struct err *err)
{
	off_t end = lseek(seen->fd, 0, SEEK_END);

	if (end < 0 || (uint64_t)end < line->at + line->len) {
		seen->is_torn |= end > 0 && (uint64_t)end > line->at;
		return seen_add(seen, entry, err);
	}
	seen->is_torn = false;
	keep(seen, entry);
	return true;
}

bool seen_forget(struct seen *seen, const char *key, struct err *err)
{
	struct seen_entry gone = { .kind = SEEN_GONE, .digest = "-" };

	if (strcmp(key, "-") == 0 || !seen_find(seen, key))
		return true;
	snprintf(gone.key, sizeof(gone.key), "%s", key);
	if (!append(seen, &gone, err))
		return false;
	drop_key(seen, gone.key);
	return true;
}

bool seen_forget_unlisted(struct seen *seen, int64_t fetched_until, struct err *err)
{
	for (size_t i = 0; i < seen->count; i++) {
		const struct seen_entry *entry = &seen->entries[i];

		if (entry->kind == SEEN_FETCHED && !entry->is_listed &&
		    entry->when <= fetched_until && !seen_forget(seen, entry->key, err))
			return false;
	}
	return true;
}

bool seen_sync(struct seen *seen, struct err *err)
{
	return file_sync(seen->fd, seen->path, err);
}

/* Of two with one key only the last counts, but the first may have the digest. */
static bool is_worth(const struct seen *seen, const struct seen_entry *entry, int64_t now)
{
	bool is_last =
		strcmp(entry->key, "-") == 0 || seen_find(seen, entry->key) == entry;
	int64_t last = entry->listed > entry->when ? entry->listed : entry->when;

	return (is_last && entry->is_listed) || now - last < KEPT_S;
}

/* A clock that was wrong must not make a message young for ever. */
static void set_right(struct seen_entry *entry, int64_t now)
{
	if (entry->is_listed || entry->listed > now)
		entry->listed = now;
	if (entry->when > now)
		entry->when = now;
}

static void compact(struct seen *seen, const bool *worth)
{
	size_t kept = 0;

	for (size_t i = 0; i < seen->count; i++)
		if (worth[i])
			seen->entries[kept++] = seen->entries[i];
	seen->count = kept;
	index_all(seen, seen->keys.size);
}

static bool write_anew(struct seen *seen, const bool *worth, int64_t now, struct err *err)
{
	AUTO_BUF text = BUF_INIT(FILE_MAX_BYTES);
	char line[LINE_ROOM];
	bool kept = buf_appendf(&text, "# %" PRId64 "\n", now) &&
		    (!seen->mailbox[0] || buf_appendf(&text, "@ %s\n", seen->mailbox));

	for (size_t i = 0; kept && i < seen->count; i++)
		if (worth[i])
			kept = buf_append(&text, line,
					  (size_t)format(&seen->entries[i], line));
	if (!kept)
		return err_temporary(err, "4.3.0", "%s: too large", seen->path);
	return file_replace(seen->root_fd, seen->path, text.data, text.len, 0660, err) &&
	       open_file(seen, err);
}

bool seen_tidy(struct seen *seen, int64_t now, struct err *err)
{
	bool *worth;
	bool done;

	if (seen->written_anew <= now && now - seen->written_anew < WEEK_S)
		return true;
	worth = must_alloc(seen->count + 1);
	for (size_t i = 0; i < seen->count; i++) {
		set_right(&seen->entries[i], now);
		worth[i] = is_worth(seen, &seen->entries[i], now);
	}
	done = write_anew(seen, worth, now, err);
	if (done) {
		compact(seen, worth);
		seen->written_anew = now;
		seen->is_torn = false;
	}
	free(worth);
	return done;
}
