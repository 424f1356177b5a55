/* Which link serves a smarthost or a pickup: control/links/NAME's lists. */
#include <stdlib.h>

#include "control/linkfile.h"
#include "link/notes.h"

/* Of a link's file, the list that counts. */
typedef const struct settings_list *list_of(const struct linkfile *file);

static const struct settings_list *smarthosts_of(const struct linkfile *file)
{
	return &file->smarthosts;
}

static const struct settings_list *pickups_of(const struct linkfile *file)
{
	return &file->pickups;
}

/* A file that cannot be read serves nothing: a call on the wrong link costs money, and
 * `lontar check` says what is wrong. */
static bool serves(int control_fd, const char *link, list_of *of, const char *name)
{
	struct linkfile file;
	struct err ignored;
	bool found;

	if (!linkfile_load(control_fd, link, &file, NULL, &ignored))
		return false;
	found = of(&file)->count == 0;
	for (size_t i = 0; !found && i < of(&file)->count; i++)
		found = span_is(span_of(name), of(&file)->lines[i]);
	linkfile_clear(&file);
	return found;
}

struct place {
	int root_fd;
	int control_fd;
};

static bool find_link(const struct place *place, list_of *of, const char *name,
		      struct link_note *note_out)
{
	struct link_note *notes;
	struct err ignored;
	size_t count;
	bool found = false;

	if (!link_notes(place->root_fd, &notes, &count, &ignored))
		return false;
	for (size_t i = 0; i < count && !found; i++) {
		found = notes[i].up && serves(place->control_fd, notes[i].name, of, name);
		if (found)
			*note_out = notes[i];
	}
	free(notes);
	return found;
}

bool link_serves(int root_fd, int control_fd, const char *smarthost,
		 struct link_note *note_out)
{
	const struct place place = { root_fd, control_fd };

	return find_link(&place, smarthosts_of, smarthost, note_out);
}

bool link_serves_pickup(int root_fd, int control_fd, const char *pickup,
			struct link_note *note_out)
{
	const struct place place = { root_fd, control_fd };

	return find_link(&place, pickups_of, pickup, note_out);
}
