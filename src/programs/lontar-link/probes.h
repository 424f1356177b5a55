/*
 * Links with a `probe`: up while their smarthost answers. The master starts `lontar-flush
 * --probe LINK`, since we may not connect. Only where nobody else tells: a hook's word
 * under this boot ends it, and where the link names an interface it must be up.
 *
 * While it is down it is asked less and less often, at last every `every`; while it is up
 * every `every`, unless mail went meanwhile. It goes down when a probe fails and nothing
 * is being sent over it either. While it is being called it is asked all the time.
 */
#ifndef LONTAR_LINK_PROBES_H
#define LONTAR_LINK_PROBES_H

#include <ev.h>

#include "programs/lontar-link/events.h"
#include "programs/lontar-link/interfaces.h"

struct probe;

struct probes {
	struct service *service;
	int root_fd;
	int control_fd;
	struct events *events;
	const struct interfaces *interfaces;
	/* Its own */
	struct probe *first;
	ev_timer again; /* the settings may have changed */
};

/* With the first fields filled in. */
void probes_start(struct probes *probes);

/* The settings may have changed: as each minute. */
void probes_reload(struct probes *probes);

/* Its interface came up: worth a probe. */
void probes_now(struct probes *probes, const char *link);

#endif
