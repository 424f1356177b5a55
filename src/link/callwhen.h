/*
 * When the gateway calls by itself: the callwhen lines of control/links/NAME, any of
 * which is enough.
 *
 *   callwhen = (trigger [ "between" WINDOW ]) | ("between" WINDOW)
 *   trigger  = N "messages" ["wait"]     that the link would take
 *            | "oldest" ["waits"] TIME   one of them waits so long, as 90m, 2h, 1d
 *            | "urgent"                  a user marked one of them so
 *            | "every" TIME              since the last call, mail or none
 *            | [DAYS] HH:MM              mail or none, as "daily 07:00", "mon-fri 12:30"
 *
 * WINDOW as in the key window: the hours in which the trigger counts; what came about
 * outside them counts as soon as they begin. A line of "between" alone is for all that
 * have none; of several such lines one is enough. A time of day that was missed is made
 * up for as long as its hours last, else for an hour.
 *
 * Mail that a server told to come again soon (greylisting) is a reason by itself, once: a
 * line that stands three minutes a day would else come back when the server has
 * forgotten.
 *
 * Pure: facts in, verdict out; local time by the time zone.
 */
#ifndef LINK_CALLWHEN_H
#define LINK_CALLWHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/linkfile.h"

struct callwhen_line;

struct callwhen { /* valid when zeroed: never */
	struct callwhen_line *lines;
	size_t count;
};

/* Of the link's lines; none: an empty one. EX_CONFIG with file, line and mend. */
bool callwhen_read(const struct linkfile *link, struct callwhen *callwhen_out,
		   struct err *err) MUST_USE;
void callwhen_clear(struct callwhen *callwhen);

struct callwhen_facts { /* times: wall clock seconds */
	int64_t now;
	int64_t last; /* the last call began; before the first: when we began to look */
	uint64_t messages; /* that would be sent */
	int64_t oldest;    /* was parked then; 0: none */
	int64_t urgent;    /* the oldest urgent one, likewise */
	int64_t retry;     /* a server has told one to come again then; 0: none */
};

struct callwhen_verdict {
	bool call;
	int64_t again; /* not now: when at the latest, if nothing changes; INT64_MAX:
			  never */
	char why[96];  /* for people: "3 messages wait"; "" where again is never */
};

void callwhen_decide(const struct callwhen *callwhen, const struct callwhen_facts *facts,
		     struct callwhen_verdict *verdict_out);

#endif
