/*
 * The addresses of a host, asked on the event loop (c-ares), of the name servers the link
 * announced or else the system's. Numbers and /etc/hosts need no server.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <ev.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "net/asker.h"

#define RESOLVE_ADDRESSES_MAX 16 /* more are not tried */

struct resolve;

/* Called once, from the loop. addresses: "192.0.2.1,2001:db8::1", borrowed; or NULL and
 * err, which is always temporary: what a name server says about a smarthost may be the
 * link's doing. The resolve is still to be closed. */
typedef void resolve_handler(void *ctx, const char *addresses, const struct err *err);

/* Never NULL: what fails at once is told by the loop too. The way is borrowed for this
 * call only. */
struct resolve *resolve_start(struct ev_loop *loop, const char *host,
			      const struct resolve_way *way, resolve_handler *handler,
			      void *ctx);
/* In the handler: the name servers know that there is no address. */
bool resolve_found_none(const struct resolve *resolve);
/* Gives up where it is not done. May be called from the handler; NULL does nothing. */
void resolve_close(struct resolve *resolve);

#endif
