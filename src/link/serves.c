/* Which link serves a smarthost: control/links/NAME's `smarthosts`. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/keyvalue.h"
#include "control/settings_list.h"
#include "link/notes.h"

/* The keys of a link's file, of which only one matters here. */
struct link_file {
	struct settings_list smarthosts;
	struct settings_list pickups;
	struct settings_list windows;
	char *interface;
	char *budget;
	char *cost;
	char *maxsize;
	char *dial;
	char *hangup;
	char *callwhen;
};

#define KEY(name, field, kind)                                                    \
	{                                                                         \
		name, KEYVALUE_##kind, offsetof(struct link_file, field), NULL, 0 \
	}

static const struct keyvalue_key keys[] = {
	KEY("smarthosts", smarthosts, NAMES),
	KEY("pickups", pickups, NAMES),
	KEY("window", windows, REPEATED),
	KEY("interface", interface, TEXT),
	KEY("budget", budget, TEXT),
	KEY("cost", cost, TEXT),
	KEY("maxsize", maxsize, TEXT),
	KEY("dial", dial, TEXT),
	KEY("hangup", hangup, TEXT),
	KEY("callwhen", callwhen, TEXT),
	{ .name = NULL },
};

/* A link without a file, or whose file names none, serves everything. A file that cannot
 * be read serves nothing: a call on the wrong link costs money, and `lontar check` says
 * what is wrong. */
static bool serves(int control_fd, const char *link, const char *smarthost)
{
	struct link_file file = { 0 };
	struct err err = { 0 };
	char path[SMARTHOST_NAME_MAX + 16];
	bool read, found = false;

	snprintf(path, sizeof(path), "links/%s", link);
	read = keyvalue_read(control_fd, path, keys, &file, &err);
	for (size_t i = 0; read && i < file.smarthosts.count; i++)
		found = found || span_is(span_of(smarthost), file.smarthosts.lines[i]);
	found = read ? found || !file.smarthosts.count : err.exit_code == EX_NOINPUT;
	keyvalue_clear(keys, &file);
	return found;
}

bool link_serves(int root_fd, int control_fd, const char *smarthost,
		 struct link_note *note_out)
{
	struct link_note *notes;
	struct err ignored;
	size_t count;
	bool found = false;

	if (!link_notes(root_fd, &notes, &count, &ignored))
		return false;
	for (size_t i = 0; i < count && !found; i++) {
		found = notes[i].up && serves(control_fd, notes[i].name, smarthost);
		if (found)
			*note_out = notes[i];
	}
	free(notes);
	return found;
}
