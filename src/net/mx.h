/*
 * Which hosts take a domain's mail, asked on the event loop (RFC 5321 5.1, RFC 7505): its
 * MX hosts in their order with their addresses, the domain itself where it has none, or
 * what an address literal says.
 */
#ifndef NET_MX_H
#define NET_MX_H

#include <ev.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "net/asker.h"

#define MX_HOSTS_MAX     10
#define MX_NAME_MAX      256
#define MX_ADDRESSES_MAX 800

struct mx_host {
	char name[MX_NAME_MAX]; /* lower case; of a literal the number */
	unsigned preference;
	char addresses[MX_ADDRESSES_MAX]; /* as net/resolve.h */
};

struct mx;

/* Called once, from the loop. hosts: those that have addresses, the best first, equal
 * ones in a random order; borrowed. Or NULL and err, permanent where the name servers
 * know that the domain takes no mail (5.1.2 there is none, 5.1.10 it says so, 5.4.4 no
 * host of it has an address), temporary for all else. The mx is still to be closed. */
typedef void mx_handler(void *ctx, const struct mx_host *hosts, size_t count,
			const struct err *err);

/* The addresses of a host where they are known from before, else NULL: each costs two
 * questions over a link. */
typedef const char *mx_known(void *ctx, const char *host);

/* domain: as in an address behind its "@", literals in their brackets. The way is
 * borrowed for this call only; known may be NULL. */
struct mx *mx_start(struct ev_loop *loop, const char *domain,
		    const struct resolve_way *way, mx_known *known, mx_handler *handler,
		    void *ctx);
void mx_close(struct mx *mx); /* NULL does nothing */

#endif
