/* Work that the running gateway's lontar-link does for a command: asked for over
 * run/link, waited for, its progress shown. */
#ifndef PROGRAMS_LONTAR_ASK_LINK_H
#define PROGRAMS_LONTAR_ASK_LINK_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"
#include "ipc/link.h"

struct link_ask {
	enum link_packet type; /* LINK_FLUSH or LINK_PICKUP */
	bool by_gateway;       /* and not by a person */
	struct span names;     /* a line each; empty: all */
	int fd;                /* connected; closed here when it is answered */
};

#define LINK_ASKS_MAX 2

/* How long it is waited for; valid when zeroed: for ever. */
struct link_limit {
	int64_t until_ms;                  /* monotonic; 0: none */
	const volatile sig_atomic_t *stop; /* may be NULL; not 0: no longer */
};

/* All side by side, until the last is done. False and err: the first that did not end
 * well; past the limit EX_TEMPFAIL, and the gateway goes on with it. */
bool ask_link(struct link_ask *asks, size_t count, const struct link_limit *limit,
	      struct err *err) MUST_USE;

#endif
