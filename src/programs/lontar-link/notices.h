/*
 * When senders are to be told that their mail waits (lontar-flush --notices, which holds
 * the smarthost's lock for it): looked for a moment after a link has changed, when
 * flushes have taken what they can, and now and then. So is the postmaster, of stops that
 * last (report/stop_letter.h) and of logins at providers that end soon (lontar token
 * --warn).
 */
#ifndef LONTAR_LINK_NOTICES_H
#define LONTAR_LINK_NOTICES_H

#include <ev.h>

#include "control/settings.h"
#include "ipc/service.h"

struct notices {
	struct service *service;
	int root_fd;
	int control_fd;
	const struct settings *settings;
	ev_timer look; /* its own, as is: */
	ev_timer stops;
};

/* With the first fields filled in. */
void notices_start(struct notices *notices);
/* A link has changed. */
void notices_soon(struct notices *notices);
/* There are stops, which may be new. */
void notices_stops(struct notices *notices);

#endif
