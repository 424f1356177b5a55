/* What lontar-web asks for its users (ipc/link.h). */
#ifndef LONTAR_LINK_PAGE_H
#define LONTAR_LINK_PAGE_H

#include "programs/lontar-link/requests.h"

/* False: the packet makes no sense. */
bool page_show(struct requests *requests, struct peer *peer,
	       struct packet *packet) MUST_USE;
bool page_ask(struct requests *requests, struct peer *peer,
	      struct packet *packet) MUST_USE;

#endif
