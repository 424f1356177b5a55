/*
 * Has links called when their callwhen lines say so (link/callwhen.h): the master starts
 * `lontar call NAME` for us, which dials, asks us for flushes and pickups like anyone,
 * and hangs up; we may not dial. One call of a link at a time, whoever makes it
 * (link/call.h). After a call that reached nobody the next one waits, longer each time;
 * what a call left behind counts again after a while only.
 *
 * What waits is listed when something was parked, and never for more than a small part
 * of our time, however much there is.
 */
#ifndef LONTAR_LINK_CALLS_H
#define LONTAR_LINK_CALLS_H

#include <ev.h>
#include <stdbool.h>

#include "control/settings.h"
#include "ipc/service.h"
#include "programs/lontar-link/dialled.h"
#include "programs/lontar-link/links.h"

struct calls {
	struct service *service;
	int root_fd;
	int control_fd;
	struct links *links;
	const struct settings *settings;
	/* Its own */
	struct dialler dialler;
	ev_timer turn; /* when a call may be due, or the clock or the settings changed */
	ev_timer soon; /* a burst of mail is one look */
	double cost_s; /* of the last look */
};

/* With the first fields filled in; looks at once. */
void calls_start(struct calls *calls);

/* Something was parked, or may have been. */
void calls_look(struct calls *calls);

/* A link went up or down. */
void calls_link_changed(struct calls *calls, const char *link, bool up);

#endif
