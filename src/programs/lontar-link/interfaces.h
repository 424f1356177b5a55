/*
 * Watches the network interfaces that control/links name: a link whose interface has a
 * carrier and an address is up, one whose interface loses them is down. A default route
 * is not asked for: of several links that are up at once only one has it, and traffic is
 * bound to the link's own interface anyway.
 *
 * Beside hooks: a hook's word counts too, except that its "up" waits while the interface
 * is there and cannot be used (a script that was started before the link was lost may run
 * after it), and is not believed of an interface that has gone. What a hook told of the
 * link (name servers, speed) is kept while the interface goes and comes, until a hook
 * says down. Where the link has a `probe`, an interface that comes up only means that it
 * is worth probing.
 *
 * The interface of a link that no file names is watched too, from the hook's word on: the
 * link goes down with it, since not every hook comes to say so. It comes up again without
 * a hook only if the interface has kept its address, that is after a lost carrier.
 */
#ifndef LONTAR_LINK_INTERFACES_H
#define LONTAR_LINK_INTERFACES_H

#include <ev.h>
#include <stdbool.h>

#include "net/interface.h"
#include "programs/lontar-link/events.h"

struct watched;

#define INTERFACES_GONE_MAX 64

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
	/* Those that were removed while we watched, the last ones of them. */
	char gone[INTERFACES_GONE_MAX][INTERFACE_NAME_MAX];
	size_t gone_count; /* ever */
};

/* With the fields above filled in; looks at once. */
void interfaces_start(struct interfaces *interfaces);

/* The settings may have changed: as each minute. */
void interfaces_reload(struct interfaces *interfaces);

/* For events.h: what the kernel says to a hook's word; and that the word is recorded. */
enum heard_verdict interfaces_hook(struct interfaces *interfaces,
				   const struct heard *heard);
void interfaces_recorded(struct interfaces *interfaces, const struct heard *heard);

/* As it was seen last; ABSENT where the link names none. */
enum interface_state interfaces_state(const struct interfaces *interfaces,
				      const char *link);

#endif
