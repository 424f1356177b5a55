/*
 * Counting what a link uses, into spool/state/usage/NAME: by lontar-link; where no
 * gateway runs, by the commands that do its work.
 *
 * Time is counted while the link is up. Bytes are those that the kernel counts on its
 * interface, all of which are billed; where none is known, those of our own connections.
 * What the line's own hook says at the end of a call is the truth about it.
 */
#ifndef LINK_LEDGER_H
#define LINK_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/linkfile.h"
#include "link/change.h"
#include "link/notes.h"
#include "link/usage.h"

struct ledger {
	int root_fd;
	char link[SMARTHOST_NAME_MAX];
	struct usage usage;
	bool changed;       /* and not written yet */
	int64_t written_ms; /* monotonic */
};

void ledger_open(struct ledger *ledger, int root_fd, const char *link);

/* Everything up to now; note: what is known of the link. now: wall clock seconds. */
void ledger_count(struct ledger *ledger, const struct linkfile *file,
		  const struct link_note *note, int64_t now);

/* Our own connections used so much more; nothing where the kernel counts it, or its hook
 * has. */
void ledger_add(struct ledger *ledger, const struct linkfile *file, int64_t now,
		uint64_t bytes);

/* What its hook tells of the call that was counted last. */
void ledger_correct(struct ledger *ledger, const struct linkfile *file, int64_t now,
		    const struct link_call *told);

/* Where something changed. Files that a person has removed meanwhile: he begins anew. */
bool ledger_write(struct ledger *ledger, struct err *err) MUST_USE;

#endif
