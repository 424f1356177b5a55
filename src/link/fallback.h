/*
 * A second smarthost for the mail of one that is out of order: the key "fallback" in
 * control/smarthosts/NAME. A smarthost is out of order while it is stopped (link/stops.h)
 * by what another one may not suffer from, if it was not reached as often in a row as
 * "fallbackafter" says while its link was up, or if it is cut off: links are up, and none
 * of them leads there. Mail that waits is moved; what is uncertain stays with its
 * own smarthost, and new mail is still parked for the first, so that it goes there again
 * once that is well. What was moved does not come back.
 */
#ifndef LINK_FALLBACK_H
#define LINK_FALLBACK_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings.h"
#include "control/smarthost.h"
#include "link/notes.h"
#include "link/stops.h"

#define FALLBACK_HOPS_MAX 8

/* stop: that of the whole smarthost which holds now; NULL: none. */
bool fallback_is_out(const struct smarthost *smarthost, const struct smarthost_note *note,
		     const struct stop *stop);

bool fallback_is_cut_off(int root_fd, int control_fd, const char *smarthost);

/* The first smarthost down the line of fallbacks that is not out of order itself; false:
 * there is none. Whether this one is out is not asked. */
bool fallback_find(int root_fd, int control_fd, const struct settings *settings,
		   const char *smarthost, char target_out[SMARTHOST_NAME_MAX]);

/* The mail of this one goes over *target_out now: it is out, and has a fallback that is
 * not. */
bool fallback_stands_in(int root_fd, int control_fd, const struct settings *settings,
			const char *smarthost, char target_out[SMARTHOST_NAME_MAX]);

/* It is out, and its mail may have gone to `here`, whether that is well or not. */
bool fallback_leads_to(int root_fd, int control_fd, const struct settings *settings,
		       const char *smarthost, const char *here);

/* A person wants it tried: its stops have come to their end, and failures are forgotten.
 * Only while no flush is at work. */
bool fallback_forgive(int root_fd, const char *smarthost, struct err *err) MUST_USE;

/* The fallbacks lead back to this one: an err (EX_CONFIG), for `lontar check`; so is one
 * that there is not. */
bool fallback_check(int control_fd, const struct settings *settings,
		    const char *smarthost, struct err *err) MUST_USE;

#endif
