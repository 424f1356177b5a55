/*
 * The pickups at work, one a file in control/pickups: started when a link comes up that
 * serves them and when somebody asks, again from time to time while it stays up, stopped
 * when it goes down. The master starts the program; we hold its socket (ipc/link.h).
 */
#ifndef LONTAR_LINK_PICKUPS_H
#define LONTAR_LINK_PICKUPS_H

#include <stdbool.h>

#include "base/err.h"
#include "ipc/link.h"
#include "ipc/service.h"
#include "programs/lontar-link/accounts.h"

struct fetch;

/* Whoever wants to hear of pickups: the commands that asked. */
struct pickup_listener {
	void (*on_progress)(void *ctx, const struct link_progress *progress);
	/* Over. label: as link_pickup_label makes it. */
	void (*on_done)(void *ctx, const char *label, const struct link_done *done);
	void *ctx;
};

struct pickups {
	struct service *service;
	struct accounts *accounts;
	int root_fd;
	int control_fd;
	struct fetch *first;
	struct pickup_listener listener;
};

/* A link came up, or its window did: all that it serves. */
void pickups_link_up(struct pickups *pickups);
/* A link went down: those whom no other link serves are stopped. */
void pickups_link_down(struct pickups *pickups);
/* Now. by_person: whatever the links and their windows say, but not without a budget. One
 * that is at work already is this one, unless it has seen the listing: then another
 * follows. */
void pickups_force(struct pickups *pickups, const char *name, bool by_person);

/* Somebody asked for a message that lies there: now, where a link is up that serves it,
 * else when one comes up. */
void pickups_asked(struct pickups *pickups, const char *name);

#endif
