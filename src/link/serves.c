/* Which link serves a smarthost: control/links/NAME's `smarthosts`. */
#include <stdlib.h>

#include "control/linkfile.h"
#include "link/notes.h"

/* A file that cannot be read serves nothing: a call on the wrong link costs money, and
 * `lontar check` says what is wrong. */
static bool serves(int control_fd, const char *link, const char *smarthost)
{
	struct linkfile file;
	struct err ignored;
	bool found;

	if (!linkfile_load(control_fd, link, &file, NULL, &ignored))
		return false;
	found = file.smarthosts.count == 0;
	for (size_t i = 0; !found && i < file.smarthosts.count; i++)
		found = span_is(span_of(smarthost), file.smarthosts.lines[i]);
	linkfile_clear(&file);
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
