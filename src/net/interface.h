/*
 * Whether a network interface can be used: it runs (is up, with a carrier) and has an
 * address that is not only for its own wire. And hearing that something about any
 * interface has changed (rtnetlink(7)); what has is then looked at, so that no message
 * which the kernel drops can mislead.
 */
#ifndef NET_INTERFACE_H
#define NET_INTERFACE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

#define INTERFACE_ADDRESS_MAX 46

enum interface_state {
	INTERFACE_ABSENT,
	INTERFACE_DOWN, /* there, without carrier or address */
	INTERFACE_UP,
};

#define INTERFACE_NAME_MAX 16 /* with the NUL: IFNAMSIZ of if(7) */

/* *address_out: where it is up, IPv4 before IPv6. What cannot be asked is absent. */
enum interface_state interface_look(const char *name,
				    char address_out[INTERFACE_ADDRESS_MAX]);

/* The interface has this address, as interface_look writes one. */
bool interface_has(const char *name, const char *address);

/* Readable after a change of any interface or address. -1 and err. */
int interface_watch(struct err *err) MUST_USE;

/* Takes all the news that is there. `on_gone` (may be NULL) is called for each interface
 * that was removed, in their order; it may be there again by now. */
void interface_heard(int watch_fd, void (*on_gone)(void *ctx, const char *name),
		     void *ctx);

#endif
