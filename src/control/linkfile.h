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
#include "control/link_terms.h"
#include "control/settings_list.h"
#include "mail/priority.h"

struct linkfile {
	char *name;
	char *interface;                 /* NULL where unset; likewise below */
	struct settings_list smarthosts; /* in order of preference; empty: all */
	struct settings_list pickups;
	struct settings_list window; /* when it may be used, a line each; empty: always */
	struct settings_list budget; /* what may be used of it, a line each */
	struct settings_list cost;
	char *dial;          /* command that brings it up */
	char *hangup;        /* and down */
	uint64_t dialtime_s; /* until it is up after dialling, */
	uint64_t calltime_s; /* of a whole call from then on; 0: no limit */
	uint64_t redial;     /* how often in all it is dialled where it is busy */
	struct settings_list callwhen; /* when `lontar run` dials by itself, a line each
					  (link/callwhen.h) */
	char *probe;                   /* the smarthost whose answer says that it is up */
	uint64_t probe_every_s;
	uint64_t maxsize;  /* bytes of the largest message; 0: any */
	unsigned priority; /* enum mail_priority: the least that goes over it */
	/* What the lines say: */
	struct link_window *windows; /* of each line of window */
	struct link_budget *budgets; /* of each line of budget; all with one month_day */
	unsigned month_day;          /* that; 1 without a budget */
	struct link_cost price;
};

/* No such file: an empty one of that name, *found_out (may be NULL) is false. A wrong
 * line: EX_CONFIG with file, line and mend. Clear with linkfile_clear; after an err there
 * is nothing to clear. */
bool linkfile_load(int control_fd, const char *name, struct linkfile *link_out,
		   bool *found_out, struct err *err) MUST_USE;
void linkfile_clear(struct linkfile *link);

#define LINKFILE_INTERFACE_MAX 32

/* Only which interface it names, also where other lines of it are wrong: news of that
 * interface is still news of this link. "" where it names none. False: there is no such
 * file. */
bool linkfile_interface(int control_fd, const char *name,
			char interface_out[LINKFILE_INTERFACE_MAX]);

/* The same for `lontar check`: each wrong line is told, not only the first. */
void linkfile_check(int control_fd, const char *name,
		    void (*fault)(void *ctx, const struct err *err), void *ctx);

#endif
