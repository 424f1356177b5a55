/*
 * control/links/NAME: a link, what it serves and what it may cost. "key value" lines
 * (control/keyvalue.h). A link that has no file serves everything.
 */
#ifndef CONTROL_LINKFILE_H
#define CONTROL_LINKFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings_list.h"

struct linkfile {
	char *name;
	char *interface;                 /* NULL where unset; likewise below */
	struct settings_list smarthosts; /* in order of preference; empty: all */
	struct settings_list pickups;
	struct settings_list window; /* when it may be used, a line each; empty: always */
	struct settings_list budget; /* what may be used of it, a line each */
	char *cost;
	char *dial;       /* command that brings it up */
	char *hangup;     /* and down */
	char *callwhen;   /* when `lontar run` dials by itself */
	uint64_t maxsize; /* bytes of the largest message; 0: any */
};

/* No such file: an empty one of that name, *found_out (may be NULL) is false. A wrong
 * line: EX_CONFIG with file, line and mend. Clear with linkfile_clear; after an err there
 * is nothing to clear. */
bool linkfile_load(int control_fd, const char *name, struct linkfile *link_out,
		   bool *found_out, struct err *err) MUST_USE;
void linkfile_clear(struct linkfile *link);

#endif
