/*
 * Which link a piece of news is about. A hook has a word of its own for what it brought
 * up: pppd's ipparam, NetworkManager's name of the connection, the interface. A link's
 * terms (its window, its budget, its largest message) stand in control/links under the
 * name that a person gave it, so the word alone does not find them; what is the same for
 * all who speak is the network interface. identity.c says how the two are weighed.
 */
#ifndef LINK_IDENTITY_H
#define LINK_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/linkfile.h"
#include "link/notes.h"

/* A link that is known: it has a file in control/links, or has been told of before. */
struct link_entry {
	bool has_file;
	bool is_called;                         /* `lontar call` is at work on it */
	char interface[LINKFILE_INTERFACE_MAX]; /* that its file names; "": none */
	struct link_note note;                  /* its name, and what is known of it */
};

struct link_entries {
	struct link_entry *list;
	size_t count;
};

/* All of them as they are now, sorted by name. A file with a wrong line still says which
 * interface is its own. Free with link_entries_free. */
bool link_entries_read(int root_fd, int control_fd, struct link_entries *entries_out,
		       struct err *err) MUST_USE;
void link_entries_free(struct link_entries *entries);

/* What is said. */
struct link_word {
	const char *name;      /* what the speaker calls it; "": the kernel speaks */
	const char *interface; /* "": not told */
	const char *device; /* behind the interface: a modem's; "": none, or not told */
	bool up;
};

/* The link that is meant, borrowed from entries; NULL: none that is known, so that
 * word->name is a link of its own. */
const struct link_entry *link_identify(const struct link_entries *entries,
				       const struct link_word *word);

/* The interface that the link is at: that of its present call, else its file's. "": it is
 * not known. Borrowed from entry. */
const char *link_entry_interface(const struct link_entry *entry);

/* One up is one link: this one counts as up at an interface over which the link `name`
 * has just come up, so it is up no longer. */
bool link_entry_yields(const struct link_entry *entry, const char *name,
		       const char *interface);

#endif
