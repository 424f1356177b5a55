/*
 * Links that go up and down, whoever tells it: a hook or a person (`lontar link`), the
 * link's interface, a probe of a smarthost. The last word counts, and what says no more
 * than is known already is no event.
 *
 * Two steps, so that a hook is let go before the work begins: first it is recorded, then
 * flushes and pickups are started or stopped.
 */
#ifndef LONTAR_LINK_EVENTS_H
#define LONTAR_LINK_EVENTS_H

#include "programs/lontar-link/flushes.h"
#include "programs/lontar-link/links.h"
#include "programs/lontar-link/pickups.h"

#define TOLD_BY_HOOK      "" /* or by a person */
#define TOLD_BY_INTERFACE "interface"
#define TOLD_BY_PROBE     "probe"

struct events {
	struct links *links;
	struct flushes *flushes;
	struct pickups *pickups;
	void *ctx;
	/* A hook speaks. True: not to be recorded yet, the interface decides. */
	bool (*on_hook)(void *ctx, const struct link_news *news);
	/* It has been recorded. */
	void (*on_change)(void *ctx, const struct link_news *news);
};

/* A hook's or a person's word, recorded. *held_back_out: it waits for the interface,
 * which is said in ignored_out. */
bool events_heard(struct events *events, const struct link_news *news,
		  bool *held_back_out, struct buf *ignored_out, struct err *err) MUST_USE;
/* And then what follows from it. */
void events_act(struct events *events, const struct link_news *news);

/* Interface or probe: both steps. */
void events_seen(struct events *events, const struct link_news *news);

#endif
