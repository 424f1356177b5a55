/*
 * Links that go up and down, told by a hook or a person (`lontar link`), by the link's
 * interface, or by a probe of a smarthost. The last word counts, and what says no more
 * than is known already is no event.
 *
 * A hook's word is news of an interface; which link that is says link/identity.h. What it
 * tells is recorded first, so that the hook is let go before the work begins; then
 * flushes and pickups are started or stopped.
 */
#ifndef LONTAR_LINK_EVENTS_H
#define LONTAR_LINK_EVENTS_H

#include "link/identity.h"
#include "net/interface.h"
#include "programs/lontar-link/flushes.h"
#include "programs/lontar-link/links.h"
#include "programs/lontar-link/pickups.h"

#define TOLD_BY_HOOK      "" /* or by a person */
#define TOLD_BY_INTERFACE "interface"
#define TOLD_BY_PROBE     "probe"

/* A hook's word, and what was made of it. */
struct heard {
	const char *word; /* a valid link name, that is what the hook calls it */
	bool up;
	struct span settings; /* link/change.h */
	/* Set by events_heard: */
	char link[SMARTHOST_NAME_MAX];          /* that is meant */
	char interface[LINKFILE_INTERFACE_MAX]; /* "": not known */
	enum interface_state state;             /* of the interface, at this moment */
	char address[INTERFACE_ADDRESS_MAX];    /* of it; "": none, or of no use */
	bool is_recorded; /* the link's state is another one now, or was told again */
};

/* What the kernel says to a hook's "up". */
enum heard_verdict {
	HEARD_BELIEVED,
	HEARD_WAITS, /* the interface cannot be used yet: the link comes up once it can */
	HEARD_GONE   /* the interface has gone: the hook comes too late */
};

struct events {
	struct links *links;
	int control_fd;
	struct flushes *flushes;
	struct pickups *pickups;
	void *ctx;
	/* A hook has spoken; nothing is recorded yet. */
	enum heard_verdict (*on_hook)(void *ctx, const struct heard *heard);
	/* It is recorded. */
	void (*on_recorded)(void *ctx, const struct heard *heard);
	/* What follows from a change was begun. */
	void (*on_change)(void *ctx, const char *link, bool up);
};

/* A hook's or a person's word, recorded. answer_out: what the hook is to be told, a line
 * each. */
bool events_heard(struct events *events, struct heard *heard, struct buf *answer_out,
		  struct err *err) MUST_USE;
/* And then what follows from it. */
void events_act(struct events *events, const struct heard *heard);

/* Interface or probe: both steps. */
void events_seen(struct events *events, const struct link_news *news);

/* The files in control/links may name other interfaces than before: each link that is up
 * becomes the one that its interface belongs to now. */
void events_rehome(struct events *events);

#endif
