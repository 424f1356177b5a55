/* run/link: what the operator's commands and the hooks ask (ipc/link.h). */
#ifndef LONTAR_LINK_REQUESTS_H
#define LONTAR_LINK_REQUESTS_H

#include "programs/lontar-link/events.h"
#include "programs/lontar-link/flushes.h"
#include "programs/lontar-link/links.h"
#include "programs/lontar-link/pickups.h"

struct request;

struct requests {
	struct links *links;
	struct events *events;
	struct flushes *flushes;
	struct pickups *pickups;
	struct request *first;
	unsigned count;
	unsigned stranger_count;
	uint32_t acts; /* tags given out */
	uid_t web_uid; /* lontar-web's */
};

/* Sets itself as the flushes' and pickups' listener. */
void requests_open(struct requests *requests);

/* Takes a new connection; fd is its own from here on. */
void requests_take(struct requests *requests, int fd);

#endif
