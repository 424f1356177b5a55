#include "link/notes.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "control/smarthost.h"
#include "link/note_file.h"

#define LOGIN_WARN_S    ((int64_t)21 * 86400)
#define UP_SECONDS_FILE "spool/state/link-up-seconds"

static const struct note_key smarthost_keys[] = {
	NOTE_KEY(smarthost_note, last_error, NOTE_TEXT),
	NOTE_KEY(smarthost_note, last_try, NOTE_TIME),
	NOTE_KEY(smarthost_note, last_success, NOTE_TIME),
	NOTE_KEY(smarthost_note, failures, NOTE_NUMBER),
	NOTE_KEY(smarthost_note, routed_by, NOTE_NUMBER),
	NOTE_KEY(smarthost_note, rtt_us, NOTE_NUMBER),
	NOTE_KEY(smarthost_note, bytes_per_s, NOTE_NUMBER),
	NOTE_KEY(smarthost_note, filled, NOTE_FLAG),
	NOTE_KEY(smarthost_note, lost_permille, NOTE_NUMBER),
	NOTE_KEY(smarthost_note, lanes, NOTE_NUMBER),
	NOTE_KEY(smarthost_note, mss, NOTE_NUMBER),
	NOTE_KEY(smarthost_note, link, NOTE_TEXT),
	NOTE_KEY(smarthost_note, host, NOTE_TEXT),
	NOTE_KEY(smarthost_note, addresses, NOTE_TEXT),
};

static const struct note_key pickup_keys[] = {
	NOTE_KEY(pickup_note, last_error, NOTE_TEXT),
	NOTE_KEY(pickup_note, last_try, NOTE_TIME),
	NOTE_KEY(pickup_note, last_success, NOTE_TIME),
	NOTE_KEY(pickup_note, counted, NOTE_FLAG),
	NOTE_KEY(pickup_note, waiting, NOTE_NUMBER),
	NOTE_KEY(pickup_note, bytes, NOTE_NUMBER),
	NOTE_KEY(pickup_note, held, NOTE_NUMBER),
	NOTE_KEY(pickup_note, refused, NOTE_FLAG),
};

static const struct note_key login_keys[] = {
	NOTE_KEY(login_note, granted, NOTE_TIME),
	NOTE_KEY(login_note, used, NOTE_TIME),
	NOTE_KEY(login_note, dies, NOTE_TIME),
	NOTE_KEY(login_note, warned, NOTE_FLAG),
	NOTE_KEY(login_note, refused, NOTE_FLAG),
	NOTE_KEY(login_note, last_error, NOTE_TEXT),
};

static const struct note_key link_keys[] = {
	NOTE_KEY(link_note, up, NOTE_FLAG),
	NOTE_KEY(link_note, since, NOTE_TIME),
	NOTE_KEY(link_note, boot_id, NOTE_TEXT),
	NOTE_KEY(link_note, interface, NOTE_TEXT),
	NOTE_KEY(link_note, local, NOTE_TEXT),
	NOTE_KEY(link_note, remote, NOTE_TEXT),
	NOTE_KEY(link_note, dns, NOTE_TEXT),
	NOTE_KEY(link_note, speed_bps, NOTE_NUMBER),
	NOTE_KEY(link_note, told, NOTE_TEXT),
	NOTE_KEY(link_note, word, NOTE_TEXT),
	NOTE_KEY(link_note, present, NOTE_FLAG),
	NOTE_KEY(link_note, families, NOTE_NUMBER),
};

/* A kind of note: its folder and its keys. */
struct notebook {
	const char *folder; /* below spool/state */
	const struct note_key *keys;
	size_t count;
};

static const struct notebook smarthosts = { "smarthosts", smarthost_keys,
					    LENGTH(smarthost_keys) };
static const struct notebook pickups = { "pickups", pickup_keys, LENGTH(pickup_keys) };
static const struct notebook logins = { "logins", login_keys, LENGTH(login_keys) };
static const struct notebook links = { "links", link_keys, LENGTH(link_keys) };

static bool write_into(int root_fd, const struct notebook *book, const char *name,
		       const void *note, struct err *err)
{
	char path[128];

	snprintf(path, sizeof(path), "spool/state/%s", book->folder);
	if (!file_make_dir(root_fd, path, 0755, err))
		return false;
	snprintf(path, sizeof(path), "spool/state/%s/%s", book->folder, name);
	return note_write(root_fd, path, book->keys, book->count, note, err);
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
	return write_into(root_fd, &smarthosts, smarthost, note, err);
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
	return write_into(root_fd, &pickups, pickup, note, err);
}

void login_note_read(int root_fd, const char *login, struct login_note *note_out)
{
	char path[128];

	*note_out = (struct login_note){ .warned = false };
	snprintf(path, sizeof(path), "spool/state/logins/%s", login);
	note_read(root_fd, path, login_keys, LENGTH(login_keys), note_out);
}

bool login_note_write(int root_fd, const char *login, const struct login_note *note,
		      struct err *err)
{
	return write_into(root_fd, &logins, login, note, err);
}

bool login_note_warns(const struct login_note *note, int64_t now)
{
	int64_t half = (note->dies - note->granted) / 2;

	return note->dies &&
	       note->dies - now < (half < LOGIN_WARN_S ? half : LOGIN_WARN_S);
}

void link_note_read(int root_fd, const char *link, struct link_note *note_out)
{
	char path[128], boot_id[CLOCK_TEXT_MAX];

	*note_out = (struct link_note){ 0 };
	snprintf(note_out->name, sizeof(note_out->name), "%s", link);
	snprintf(path, sizeof(path), "spool/state/links/%s", note_out->name);
	note_read(root_fd, path, link_keys, LENGTH(link_keys), note_out);
	if (strcmp(note_out->boot_id, clock_boot_id(boot_id)) != 0)
		note_out->up = note_out->present = false;
}

bool link_note_write(int root_fd, const struct link_note *note, struct err *err)
{
	return write_into(root_fd, &links, note->name, note, err);
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
