#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "control/smarthost.h"
#include "link/call.h"
#include "link/identity.h"

static int by_name(const void *one, const void *other)
{
	return strcmp(((const struct link_entry *)one)->note.name,
		      ((const struct link_entry *)other)->note.name);
}

static struct link_entry *find(const struct link_entries *entries, const char *name)
{
	for (size_t i = 0; i < entries->count; i++)
		if (strcmp(entries->list[i].note.name, name) == 0)
			return &entries->list[i];
	return NULL;
}

/* A file: of a link that is on record already, or of one that is not. */
static void add_file(int root_fd, int control_fd, const char *name,
		     struct link_entries *entries)
{
	struct link_entry *entry = find(entries, name);

	if (!entry) {
		entry = &entries->list[entries->count++];
		snprintf(entry->note.name, sizeof(entry->note.name), "%s", name);
	}
	entry->has_file = linkfile_interface(control_fd, name, entry->interface);
	entry->is_called = link_is_called(root_fd, name);
}

bool link_entries_read(int root_fd, int control_fd, struct link_entries *entries_out,
		       struct err *err)
{
	struct settings_list names;
	struct link_note *notes;
	size_t noted;

	*entries_out = (struct link_entries){ .count = 0 };
	if (!link_notes(root_fd, &notes, &noted, err))
		return false;
	if (!smarthost_names(control_fd, "links", &names, err)) {
		free(notes);
		return false;
	}
	entries_out->list =
		must_alloc((noted + names.count + 1) * sizeof(*entries_out->list));
	for (size_t i = 0; i < noted; i++)
		entries_out->list[entries_out->count++].note = notes[i];
	for (size_t i = 0; i < names.count; i++)
		add_file(root_fd, control_fd, names.lines[i], entries_out);
	if (entries_out->count)
		qsort(entries_out->list, entries_out->count, sizeof(*entries_out->list),
		      by_name);
	settings_list_clear(&names);
	free(notes);
	return true;
}

void link_entries_free(struct link_entries *entries)
{
	free(entries->list);
	*entries = (struct link_entries){ .count = 0 };
}
