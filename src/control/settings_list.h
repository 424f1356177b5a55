/*
 * A list of settings: the lines of one file without comments, empty lines and blanks at
 * the ends, found by key without case and without walking them all.
 */
#ifndef CONTROL_SETTINGS_LIST_H
#define CONTROL_SETTINGS_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"

struct settings_list { /* valid when zeroed: empty */
	char **lines;
	unsigned *numbers; /* of each line in its file, from 1 */
	size_t count;
	bool keyed;      /* a line's key ends at its first ":"; else it is the line */
	uint32_t *slots; /* line + 1 by the hash of its key; NULL: no index was made */
	size_t slot_count;
};

/* One list file by itself; missing is an empty list. The caller clears it. */
bool settings_list_read(int control_fd, const char *name, struct settings_list *list_out,
			struct err *err) MUST_USE;
/* The same for a file of "key:value" lines. */
bool settings_list_read_keyed(int control_fd, const char *name,
			      struct settings_list *list_out, struct err *err) MUST_USE;
/* The same from text, into a list that is zeroed but for `keyed`. name is for the err. */
bool settings_list_parse(struct settings_list *list, const char *name, struct span text,
			 struct err *err) MUST_USE;
void settings_list_clear(struct settings_list *list);

/* The line with this key (any case; of several the last, as in qmail), or NULL. Only in a
 * list that was read. Borrowed. */
const char *settings_list_find(const struct settings_list *list, struct span key);

/* For lists made otherwise. */
void settings_list_add(struct settings_list *list, struct span line, unsigned number);
void settings_list_sort(struct settings_list *list);

#endif
