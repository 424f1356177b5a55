/* One call of a link, `lontar call`: its parts share this. */
#ifndef PROGRAMS_LONTAR_CALL_H
#define PROGRAMS_LONTAR_CALL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/linkfile.h"
#include "programs/lontar/command.h"

struct call {
	struct command_context *context;
	const char *name;
	struct linkfile link;
	uint64_t wait_s, limit_s, tries, pause_s;
	const volatile sig_atomic_t *stop; /* not 0: we are told to */
	int lock_fd; /* run/call.NAME, which says whether there is something to hang up */
	pid_t dialler;   /* 0: it has ended */
	bool by_gateway; /* lontar-link had the master start us */
};

/* The link is up, as a hook, the dial command, the interface or a probe says. */
bool call_is_up(const struct call *call);

/* Dials, if need be more than once, until it is up. After a failure it is hung up. */
bool call_dial(struct call *call, struct err *err) MUST_USE;
void call_hang_up(struct call *call);

/* Pushes and fetches what the link serves, side by side. */
bool call_work(struct call *call, struct err *err) MUST_USE;

#endif
