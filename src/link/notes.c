#include "link/notes.h"

#include <dirent.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "control/keyvalue.h"
#include "control/smarthost.h"

#define NOTE_MAX        8192
#define UP_SECONDS_FILE "spool/state/link-up-seconds"

enum kind {
	FLAG,
	NUMBER,
	TIME,
	TEXT
};

struct key {
	const char *name;
	enum kind kind;
	size_t offset;
	size_t room; /* of a text */
};

#define KEY(type, field, kind)                                \
	{                                                     \
#field, (kind), offsetof(struct type, field), \
			sizeof(((struct type *)0)->field)     \
	}

static const struct key smarthost_keys[] = {
	KEY(smarthost_note, held, FLAG),          KEY(smarthost_note, last_error, TEXT),
	KEY(smarthost_note, last_try, TIME),      KEY(smarthost_note, last_success, TIME),
	KEY(smarthost_note, routed_by, NUMBER),   KEY(smarthost_note, rtt_us, NUMBER),
	KEY(smarthost_note, bytes_per_s, NUMBER), KEY(smarthost_note, lanes, NUMBER),
	KEY(smarthost_note, link, TEXT),          KEY(smarthost_note, host, TEXT),
	KEY(smarthost_note, addresses, TEXT),
};

static const struct key pickup_keys[] = {
	KEY(pickup_note, last_error, TEXT),   KEY(pickup_note, last_try, TIME),
	KEY(pickup_note, last_success, TIME), KEY(pickup_note, counted, FLAG),
	KEY(pickup_note, waiting, NUMBER),    KEY(pickup_note, bytes, NUMBER),
	KEY(pickup_note, held, NUMBER),       KEY(pickup_note, refused, FLAG),
};

static const struct key link_keys[] = {
	KEY(link_note, up, FLAG),      KEY(link_note, since, TIME),
	KEY(link_note, boot_id, TEXT), KEY(link_note, interface, TEXT),
	KEY(link_note, local, TEXT),   KEY(link_note, remote, TEXT),
	KEY(link_note, dns, TEXT),     KEY(link_note, speed_bps, NUMBER),
};

/* A value that cannot be read is a lost hint: the field stays as it was. */
static void take(const struct key *key, struct span value, void *note)
{
	char *at = (char *)note + key->offset;
	uint64_t number = 0;

	if (key->kind == TEXT) {
		snprintf(at, key->room, "%.*s", SPAN_ARG(value));
		return;
	}
	if (!number_parse(value, key->kind == NUMBER ? UINT64_MAX : INT64_MAX, &number))
		return;
	if (key->kind == FLAG)
		*(bool *)(void *)at = number != 0;
	else if (key->kind == TIME)
		*(int64_t *)(void *)at = (int64_t)number;
	else
		*(uint64_t *)(void *)at = number;
}

static void note_read(int root_fd, const char *path, const struct key *keys, size_t count,
		      void *note)
{
	AUTO_BUF text = BUF_INIT(NOTE_MAX);
	struct err ignored;
	struct span rest, line, name;
	bool found;

	if (!file_read_if_any(root_fd, path, &text, &found, &ignored) || !found)
		return;
	rest = buf_span(&text);
	while (span_cut(&rest, '\n', &line)) {
		if (!span_cut(&line, '=', &name) || !line.at)
			continue;
		for (size_t i = 0; i < count; i++)
			if (span_is(name, keys[i].name))
				take(&keys[i], line, note);
	}
}

static bool put(struct buf *out, const struct key *key, const void *note)
{
	const char *at = (const char *)note + key->offset;

	switch (key->kind) {
	case FLAG:
		return buf_appendf(out, "%s=%d\n", key->name,
				   *(const bool *)(const void *)at);
	case NUMBER:
		return buf_appendf(out, "%s=%" PRIu64 "\n", key->name,
				   *(const uint64_t *)(const void *)at);
	case TIME:
		return buf_appendf(out, "%s=%" PRId64 "\n", key->name,
				   *(const int64_t *)(const void *)at);
	case TEXT:
		break;
	}
	if (!buf_appendf(out, "%s=%s", key->name, at))
		return false;
	for (char *c = out->data + out->len - strlen(at); *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	return buf_append_byte(out, '\n');
}

/* A kind of note: its folder and its keys. */
struct notebook {
	const char *folder; /* below spool/state */
	const struct key *keys;
	size_t count;
};

static const struct notebook smarthosts = { "smarthosts", smarthost_keys,
					    LENGTH(smarthost_keys) };
static const struct notebook pickups = { "pickups", pickup_keys, LENGTH(pickup_keys) };
static const struct notebook links = { "links", link_keys, LENGTH(link_keys) };

static bool note_write(int root_fd, const struct notebook *book, const char *name,
		       const void *note, struct err *err)
{
	AUTO_BUF text = BUF_INIT(NOTE_MAX);
	char path[128];

	snprintf(path, sizeof(path), "spool/state/%s", book->folder);
	for (size_t i = 0; i < book->count; i++)
		if (!put(&text, &book->keys[i], note))
			return err_temporary(err, "4.3.0", "%s/%s: too long", path, name);
	if (!file_make_dir(root_fd, path, 0755, err))
		return false;
	snprintf(path, sizeof(path), "spool/state/%s/%s", book->folder, name);
	return file_replace(root_fd, path, text.data, text.len, 0644, err);
}

void smarthost_note_read(int root_fd, const char *smarthost,
			 struct smarthost_note *note_out)
{
	char path[128];

	*note_out = (struct smarthost_note){ 0 };
	snprintf(path, sizeof(path), "spool/state/smarthosts/%s", smarthost);
	note_read(root_fd, path, smarthost_keys, LENGTH(smarthost_keys), note_out);
}

bool smarthost_note_write(int root_fd, const char *smarthost,
			  const struct smarthost_note *note, struct err *err)
{
	return note_write(root_fd, &smarthosts, smarthost, note, err);
}

void pickup_note_read(int root_fd, const char *pickup, struct pickup_note *note_out)
{
	char path[128];

	*note_out = (struct pickup_note){ .counted = false };
	snprintf(path, sizeof(path), "spool/state/pickups/%s", pickup);
	note_read(root_fd, path, pickup_keys, LENGTH(pickup_keys), note_out);
}

bool pickup_note_write(int root_fd, const char *pickup, const struct pickup_note *note,
		       struct err *err)
{
	return note_write(root_fd, &pickups, pickup, note, err);
}

void link_note_read(int root_fd, const char *link, struct link_note *note_out)
{
	char path[128], boot_id[CLOCK_TEXT_MAX];

	*note_out = (struct link_note){ 0 };
	snprintf(note_out->name, sizeof(note_out->name), "%s", link);
	snprintf(path, sizeof(path), "spool/state/links/%s", note_out->name);
	note_read(root_fd, path, link_keys, LENGTH(link_keys), note_out);
	if (strcmp(note_out->boot_id, clock_boot_id(boot_id)) != 0)
		note_out->up = false;
}

bool link_note_write(int root_fd, const struct link_note *note, struct err *err)
{
	return note_write(root_fd, &links, note->name, note, err);
}

static int by_name(const void *one, const void *other)
{
	return strcmp(((const struct link_note *)one)->name,
		      ((const struct link_note *)other)->name);
}

bool link_notes(int root_fd, struct link_note **notes_out, size_t *count_out,
		struct err *err)
{
	int fd;
	DIR *stream;
	struct dirent *entry;

	*notes_out = NULL;
	*count_out = 0;
	if (faccessat(root_fd, "spool/state/links", F_OK, 0) != 0)
		return true;
	fd = file_open_dir(root_fd, "spool/state/links", err);
	stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		file_close(&fd);
		return false;
	}
	while ((entry = readdir(stream))) {
		if (!smarthost_name_is_valid(entry->d_name))
			continue; /* also what file_replace left in a crash */
		*notes_out =
			must_resize(*notes_out, *count_out + 1, sizeof(struct link_note));
		link_note_read(root_fd, entry->d_name, &(*notes_out)[(*count_out)++]);
	}
	closedir(stream);
	if (*count_out)
		qsort(*notes_out, *count_out, sizeof(struct link_note), by_name);
	return true;
}

uint64_t link_up_seconds(int root_fd)
{
	AUTO_BUF text = BUF_INIT(64);
	struct err ignored;
	uint64_t seconds = 0;
	bool found;

	if (!file_read_if_any(root_fd, UP_SECONDS_FILE, &text, &found, &ignored) ||
	    !found || !number_parse(span_trim(buf_span(&text)), INT64_MAX, &seconds))
		return 0;
	return seconds;
}

bool link_up_seconds_write(int root_fd, uint64_t seconds, struct err *err)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%" PRIu64 "\n", seconds);

	return file_replace(root_fd, UP_SECONDS_FILE, text, (size_t)len, 0640, err);
}
