/*
 * A call of a link: `lontar call` holds run/call.NAME from dialling to hanging up, and
 * writes into it that it has dialled, so that a call whose process was killed is hung up
 * by the next one. And what lontar-link, which has calls made by itself
 * (link/callwhen.h), knows of them: spool/state/calls/NAME.
 */
#ifndef LINK_CALL_H
#define LINK_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/* Takes it, without waiting; held by another: EX_TEMPFAIL. The descriptor, to be closed
 * when the call is over, or -1 and err. */
int link_call_take(int root_fd, const char *link, struct err *err) MUST_USE;

/* Somebody holds it. */
bool link_is_called(int root_fd, const char *link);

/* The holder's: from here on there is something to hang up, or no longer. */
bool link_call_mark(int call_fd, bool dialled, struct err *err) MUST_USE;
/* Nobody holds it, and who did last, since the machine started, has not hung up. */
bool link_call_was_left(int root_fd, const char *link);
/* The same, asked by who has taken it. */
bool link_call_is_marked(int call_fd);

struct call_note {         /* times: wall clock seconds; 0: not yet */
	int64_t last;      /* it was up then, or we began to look; never 0 once written */
	int64_t ended;     /* of the last call that the gateway made by itself */
	uint64_t failures; /* of those, in a row: nobody was reached */
	char last_error[512];
	int64_t next;  /* when it is called if nothing changes; 0: mail decides, or never
			*/
	char why[128]; /* then, or not */
};

/* Missing: all 0. */
void call_note_read(int root_fd, const char *link, struct call_note *note_out);
bool call_note_write(int root_fd, const char *link, const struct call_note *note,
		     struct err *err) MUST_USE;

#endif
