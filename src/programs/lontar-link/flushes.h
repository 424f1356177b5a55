/*
 * The flushes at work, one a smarthost: started, nudged, stopped, and started again when
 * what waits is due. The master starts the program; we hold its socket (ipc/link.h).
 */
#ifndef LONTAR_LINK_FLUSHES_H
#define LONTAR_LINK_FLUSHES_H

#include <ev.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings.h"
#include "ipc/link.h"
#include "ipc/service.h"
#include "programs/lontar-link/accounts.h"

struct flush;

/* Whoever wants to hear of flushes: the commands that asked. */
struct flush_listener {
	void (*on_progress)(void *ctx, const struct link_progress *progress);
	/* Idle or over: nothing more comes of what was asked for now. */
	void (*on_done)(void *ctx, const char *smarthost, const struct link_done *done);
	/* New routes moved mail of one to another: who waits for one waits for both. */
	void (*on_moved)(void *ctx, const char *from, const char *to);
	/* The answer to an act, by its tag; NULL: the flush went without one. */
	void (*on_acted)(void *ctx, uint32_t tag, const struct link_done *done);
	void *ctx;
};

struct flushes {
	struct service *service;
	struct accounts *accounts;
	int root_fd;
	int control_fd;
	struct settings settings;
	struct flush *first;
	struct flush_listener listener;
	/* A flush has ended, and its smarthost has stops now. May be NULL. */
	void (*on_stops)(void *ctx);
	void *ctx;
};

bool flushes_open(struct flushes *flushes, struct err *err) MUST_USE;

/* Something was parked for it: flushed or nudged if a link is up that serves it. */
void flushes_parked(struct flushes *flushes, const char *smarthost);
/* A link came up, or its window did: all that wait and may go. */
void flushes_link_up(struct flushes *flushes);
/* A link went down: those whom no other link serves are stopped. */
void flushes_link_down(struct flushes *flushes);
/* Now. by_person: whatever the links and their windows say; a budget that is spent is the
 * one thing that is in his way: that is told as its end. */
void flushes_force(struct flushes *flushes, const char *smarthost, bool by_person);
/* When a flush last told of a message that had been sent; monotonic, 0: never. */
int64_t flushes_moved_ms(const struct flushes *flushes, const char *smarthost);

/* True: a flush is at work and will answer by on_acted. */
bool flushes_act(struct flushes *flushes, uint32_t tag, const char *smarthost,
		 const char *verb, const char *id);

#endif
