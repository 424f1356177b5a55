/*
 * Watches the network interfaces that control/links name: a link whose interface has a
 * carrier and an address is up, one whose interface loses them is down. A default route
 * is not asked for: of several links that are up at once only one has it, and traffic is
 * bound to the link's own interface anyway.
 *
 * Beside hooks: a hook's word counts too, except that its "up" waits while the interface
 * is there and cannot be used (a script that was started before the link was lost may run
 * after it). What a hook told of the link (name servers, speed) is kept while the
 * interface goes and comes, until a hook says down. Where the link has a `probe`, an
 * interface that comes up only means that it is worth probing.
 */
#ifndef LONTAR_LINK_INTERFACES_H
#define LONTAR_LINK_INTERFACES_H

#include <ev.h>
#include <stdbool.h>

#include "net/interface.h"
#include "programs/lontar-link/events.h"

struct watched;

struct interfaces {
	struct ev_loop *loop;
	int control_fd;
	struct events *events;
	void *ctx;
	/* An interface came up, and its link has a probe. */
	void (*on_probe)(void *ctx, const char *link);
	/* Its own */
	int fd;
	ev_io news;
	ev_timer soon;   /* a burst of news is one look */
	ev_timer settle; /* an address that is replaced is away for a moment */
	ev_timer again;  /* the settings may have changed */
	struct watched *first;
};

/* With the fields above filled in; looks at once. */
void interfaces_start(struct interfaces *interfaces);

/* The settings may have changed: as each minute. */
void interfaces_reload(struct interfaces *interfaces);

/* For events.h: a hook has spoken. True: it is held back. */
bool interfaces_hook(struct interfaces *interfaces, const struct link_news *news);

/* As it was seen last; ABSENT where the link names none. */
enum interface_state interfaces_state(const struct interfaces *interfaces,
				      const char *link);

#endif
