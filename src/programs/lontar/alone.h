/* Flushes and pickups where no gateway runs. */
#ifndef PROGRAMS_LONTAR_ALONE_H
#define PROGRAMS_LONTAR_ALONE_H

#include "programs/lontar/command.h"

struct alone_wish {
	bool flushes;           /* smarthosts, */
	bool fetches;           /* pickups, or both side by side */
	struct span smarthosts; /* a name a line; empty: all with mail */
	struct span pickups;    /* empty: all */
	bool probes;            /* of pickups: look for probe mails, and fetch nothing */
	unsigned limit_s;       /* then all are told to stop; 0: no limit */
};

/* Starts lontar-flush and lontar-pickup for each, side by side, and waits. EX_TEMPFAIL:
 * mail stays. */
bool work_alone(struct command_context *context, const struct alone_wish *wish,
		struct err *err) MUST_USE;

#endif
