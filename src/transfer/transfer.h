/*
 * One worker on a link: a process that is started to flush or to pick up, works on one
 * event loop, and leaves. This is what the main programs of both share: the loop, the
 * signals, the tie to the master, a regular tick, and the first reason why not all was
 * done, which is the one that is told.
 *
 *	transfer_begin -> transfer_run (until transfer_leave) -> transfer_end
 */
#ifndef TRANSFER_TRANSFER_H
#define TRANSFER_TRANSFER_H

#include <ev.h>
#include <stdbool.h>

#include "base/err.h"
#include "ipc/peer.h"

struct transfer_handler {
	/* SIGTERM: be gone within two seconds. why: for people. */
	void (*on_stop)(void *ctx, const char *why);
	/* Four times a second: limits are looked at, and progress is told. */
	void (*on_tick)(void *ctx);
};

struct transfer {
	struct ev_loop *loop;
	struct peer *master; /* open until the process ends: a started program that closes
			      * it is taken for gone. NULL: it is not tied */
	struct err why;      /* ERR_NONE: all was done */
	ev_timer tick;
	ev_signal term;
	const struct transfer_handler *handler;
	void *ctx;
};

/* is_tied: the master started it, and when the master is gone, however it died, this
 * process ends at once (service_tie). handler and ctx are borrowed. */
void transfer_begin(struct transfer *transfer, const struct transfer_handler *handler,
		    void *ctx, bool is_tied);
void transfer_run(struct transfer *transfer);
/* Leaves the loop. */
void transfer_leave(struct transfer *transfer);
/* No more call-backs, and SIGTERM is blocked from now on; what is queued for other
 * programs is written as far as their sockets have room. Not before transfer_run has
 * returned, or was never called. */
void transfer_end(struct transfer *transfer);

/* Keeps the first reason and drops later ones, which often only follow from it. */
void transfer_blame(struct transfer *transfer, const struct err *err);

#endif
