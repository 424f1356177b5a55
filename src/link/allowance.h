/*
 * What a link may be used for at this moment: its windows, what its budgets have left,
 * the largest message and the lowest priority it takes (control/links/NAME). And which of
 * the links that are up serves a smarthost or a pickup best: the cheapest that may be
 * used now, then the one whose file names it earlier.
 *
 * lontar-link keeps the accounts. A flush or pickup asks link_choose when it begins, and
 * is told of every change after that (ipc/link.h, LINK_ALLOW). Whether it may begin is
 * decided by the program that starts it: a person's word opens a closed window, and never
 * a spent budget. So a worker does not look at `open` and `until`: it takes the link,
 * maxsize, lowest, bytes and budget_until from the choice (transfer/quota.h), and the end
 * of a window from LINK_ALLOW.
 */
#ifndef LINK_ALLOWANCE_H
#define LINK_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/limit.h"
#include "control/linkfile.h"
#include "link/carries.h"
#include "link/notes.h"
#include "link/order.h"
#include "link/usage.h"

#define ALLOWANCE_UNLIMITED LIMIT_NONE

struct allowance {
	bool open;     /* may be used now */
	bool spent;    /* not open, and not by a person's word either: a budget is */
	char why[200]; /* not open: for people: "the window of link ppp opens at 02:00" */
	int64_t again; /* not open: wall clock seconds of the next turn; 0: not by itself
			*/
	int64_t until; /* open: wall clock seconds of its hard end; INT64_MAX: none */
	int64_t budget_until; /* the same, whatever the windows say */
	int64_t more;         /* when the next budget begins anew; INT64_MAX: never */
	uint64_t bytes; /* what the budgets leave, both directions together; LIMIT_NONE */
	uint64_t maxsize; /* of one message, bytes on the wire; larger ones wait for
			     another link or for a person; LIMIT_NONE */
	struct carries_limit calls; /* for a smarthost: what its calls carry */
	unsigned lowest; /* the least priority (mail/priority.h) that it takes */
};

/* As the file and the recorded use say; now: wall clock seconds. */
void link_allowance(int root_fd, const struct linkfile *file, int64_t now,
		    struct allowance *allowance_out);
/* The same from what is held already; usage: as of now (usage_turn). up: the link is. */
void link_allowance_of(const struct linkfile *file, const struct usage *usage, bool up,
		       int64_t now, struct allowance *allowance_out);

enum link_use {
	LINK_FOR_SMARTHOST,
	LINK_FOR_PICKUP
};

struct link_choice {
	bool up; /* some link is up and serves it; else the fields below say nothing */
	struct link_note link;
	struct allowance allowance;
};

/* Of the links that are up and serve it: the best that is open, where several are and
 * mail waits, the best that takes and has room for any of it; else the one that opens
 * first, those whose budgets are spent last. True: one is open. */
bool link_choose(int root_fd, int control_fd, enum link_use use, const char *name,
		 int64_t now, struct link_choice *choice_out);

/* Where none is up: the best of those that have a file and serve it, as they are. False:
 * there is none. */
bool link_outlook(int root_fd, int control_fd, enum link_use use, const char *name,
		  int64_t now, struct link_choice *choice_out);

/* Puts into the allowance what the link's calls carry of the smarthost's mail, by what
 * was noted of them. */
void link_limit_by_calls(int root_fd, const struct link_note *link, const char *smarthost,
			 int64_t now, struct allowance *allowance);
/* The link would take it, and its calls end too soon for it. */
bool link_calls_are_short(const struct allowance *allowance,
			  const struct parked_name *name);

/* What mail may be begun over it on a connection that is to be made first. */
struct order_limits link_limits(const struct allowance *allowance);

/* Whether something may be begun now: for the gateway where a link is open; for a person
 * who asks, unless a budget is spent. False: EX_TEMPFAIL, in words for him. */
bool link_permit(int root_fd, int control_fd, enum link_use use, const char *name,
		 bool by_person, struct err *err) MUST_USE;

#endif
