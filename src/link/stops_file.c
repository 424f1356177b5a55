/* spool/state/stops/NAME: a paragraph of "key=value" lines a stop, and "end" last. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "control/keyvalue.h"
#include "control/routes.h"
#include "link/note_file.h"
#include "link/stops.h"

#define FOLDER         "spool/state/stops"
#define PATH_MAX_BYTES (sizeof(FOLDER) + NAME_MAX)
#define FILE_MAX       ((size_t)(STOPS_MAX + 2) * (sizeof(struct stop) + 200))
#define END            "end"

static const struct note_key keys[] = {
	NOTE_KEY(stop, scope, NOTE_TEXT),      NOTE_KEY(stop, key, NOTE_TEXT),
	NOTE_KEY(stop, since, NOTE_TIME),      NOTE_KEY(stop, until, NOTE_TIME),
	NOTE_KEY(stop, link_since, NOTE_TIME), NOTE_KEY(stop, times, NOTE_NUMBER),
	NOTE_KEY(stop, told, NOTE_TIME),       NOTE_KEY(stop, files, NOTE_NUMBER),
	NOTE_KEY(stop, what, NOTE_TEXT),       NOTE_KEY(stop, reason, NOTE_TEXT),
	NOTE_KEY(stop, mend, NOTE_TEXT),
};

static void add(struct stops *stops, const struct stop *stop)
{
	if (!stop->scope[0] || stops->count > STOPS_MAX)
		return;
	stops->items = must_resize(stops->items, stops->count + 1, sizeof(*stops->items));
	stops->items[stops->count++] = *stop;
}

static void parse(struct span rest, struct stops *stops)
{
	struct stop stop = { 0 };
	bool whole = false;
	struct span line;

	while (span_cut(&rest, '\n', &line)) {
		whole = span_is(line, END);
		if (line.len && !whole) {
			note_take_line(keys, LENGTH(keys), line, &stop);
			continue;
		}
		add(stops, &stop);
		stop = (struct stop){ 0 };
		if (whole)
			break;
	}
	/* A file without its end was cut off: nothing in it is believed. */
	if (!whole)
		stops_clear(stops);
}

void stops_read(int root_fd, const char *smarthost, struct stops *stops_out)
{
	AUTO_BUF text = BUF_INIT(FILE_MAX);
	char path[PATH_MAX_BYTES];
	struct err ignored;
	bool found;

	*stops_out = (struct stops){ 0 };
	snprintf(path, sizeof(path), FOLDER "/%s", smarthost);
	if (file_read_if_any(root_fd, path, &text, &found, &ignored) && found)
		parse(buf_span(&text), stops_out);
}

bool stops_write(int root_fd, const char *smarthost, const struct stops *stops,
		 struct err *err)
{
	AUTO_BUF text = BUF_INIT(FILE_MAX);
	char path[PATH_MAX_BYTES];

	snprintf(path, sizeof(path), FOLDER "/%s", smarthost);
	if (!stops->count) {
		/* If this does not last, the stops are ended ones again. */
		(void)unlinkat(root_fd, path, 0);
		return true;
	}
	for (size_t i = 0; i < stops->count; i++)
		if (!note_put_lines(&text, keys, LENGTH(keys), &stops->items[i]) ||
		    !buf_append_byte(&text, '\n'))
			return err_temporary(err, "4.3.0", "%s: too long", path);
	if (!buf_append_text(&text, END "\n"))
		return err_temporary(err, "4.3.0", "%s: too long", path);
	return file_make_dir(root_fd, FOLDER, 0755, err) &&
	       file_replace(root_fd, path, text.data, text.len, 0644, err);
}

/* The files that control/smarthosts/NAME names. */
struct named {
	char *passwordfile, *tokenfile, *cafile, *login;
};

#define KEY(field)                                      \
	{                                               \
		.name = #field, .kind = KEYVALUE_TEXT,  \
		.offset = offsetof(struct named, field) \
	}

static const struct keyvalue_key named_keys[] = {
	KEY(passwordfile), KEY(tokenfile), KEY(cafile), KEY(login), { .name = NULL },
};

static void pass_over(void *ctx, const struct err *err)
{
	(void)ctx;
	(void)err;
}

static void look_at(int control_fd, const char *path, uint64_t *newest)
{
	struct stat st;
	uint64_t changed;

	if (!path || fstatat(control_fd, path, &st, 0) != 0)
		return;
	changed = (uint64_t)st.st_ctim.tv_sec * 1000000000 + (uint64_t)st.st_ctim.tv_nsec;
	if (changed > *newest)
		*newest = changed;
}

uint64_t stops_fingerprint(int control_fd, const char *smarthost)
{
	static const struct keyvalue_ear ear = { pass_over, NULL };
	struct named named = { 0 };
	char path[sizeof("smarthosts/") + SMARTHOST_NAME_MAX];
	uint64_t newest = 0;
	struct err ignored;

	snprintf(path, sizeof(path), "smarthosts/%s", smarthost);
	/* Other keys count as wrong lines here, and are passed over. */
	(void)!keyvalue_read_all(control_fd, path, named_keys, &named, &ear, &ignored);
	look_at(control_fd, path, &newest);
	look_at(control_fd, "smtproutes", &newest);
	look_at(control_fd, "replies", &newest);
	look_at(control_fd, named.passwordfile, &newest);
	look_at(control_fd, named.tokenfile, &newest);
	look_at(control_fd, named.cafile, &newest);
	if (named.login) {
		snprintf(path, sizeof(path), "logins/%s", named.login);
		look_at(control_fd, path, &newest);
	}
	keyvalue_clear(named_keys, &named);
	return newest;
}
