/*
 * Hears from lontar-deliver what is parked (INTAKE_WATCH of ipc/intake.h). Where it is
 * away, it is looked for every second.
 */
#ifndef IPC_PARKED_WATCH_H
#define IPC_PARKED_WATCH_H

#include <ev.h>

#include "ipc/peer.h"

struct parked_watch {
	struct ev_loop *loop;
	int root_fd; /* borrowed */
	void *ctx;
	/* A message was parked for this smarthost. */
	void (*on_parked)(void *ctx, const char *smarthost);
	/* We listen from now on: what was parked before is to be looked for, once. */
	void (*on_begin)(void *ctx);
	/* Its own */
	struct peer *deliver; /* NULL while it is away */
	ev_timer again;
};

/* With the fields above filled in; they stay where they are as long as the loop runs. The
 * call-backs come from the loop only. */
void parked_watch_start(struct parked_watch *watch);

#endif
