/*
 * Which domains are ours, and which smarthost a message for elsewhere goes to: locals,
 * rcpthosts, virtualdomains, smtproutes (qmail's grammar and order of search) and
 * senderroutes. Nothing here asks DNS.
 */
#ifndef CONTROL_ROUTES_H
#define CONTROL_ROUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings.h"

#define SMARTHOST_NAME_MAX 64 /* [a-z0-9][a-z0-9.-]*; "local" is reserved */

/* domain is in locals (without case). */
bool routes_is_local(const struct settings *settings, const char *domain);

/* Mail for domain is taken from anyone: it is local, virtual (by a line that names it or
 * a suffix of it), or in rcpthosts (exact, or ".suffix"). */
bool routes_is_ours(const struct settings *settings, const char *domain);

/* virtualdomains: nothing where the domain is in locals (qmail looks there first); else
 * user@domain, then domain, then ".suffix", then "". On success the local user that
 * "local@domain" becomes ("prefix-local") is appended as a C string of at most
 * room - 1 bytes; false where no line matches or the line says "not virtual" (empty). */
bool routes_virtual(const struct settings *settings, const char *address, char *user_out,
		    size_t room, const char **line_out);

/* What decided, for `lontar explain`. */
enum route_by {
	ROUTE_NONE, /* no line matches: 451 4.4.4 */
	ROUTE_SENDER,
	ROUTE_DOMAIN,
};

struct route {
	enum route_by by;
	char smarthost[SMARTHOST_NAME_MAX]; /* name of its parked Maildir */
	char host[256];   /* where smtproutes names a host, not a smarthost
			   * file: that host; else "" */
	uint16_t port;    /* with host; 0: 25 */
	const char *line; /* the setting's line, borrowed */
};

/* senderroutes (whole address, then "@domain"), then smtproutes (the recipient's domain,
 * then ".suffix" longest first, then ""). A relay without a port that is the name of a
 * file in smarthosts/ is that smarthost; another host's parked Maildir is named after it
 * (control/relay.h): "host", or "host-port" where a port is given. A line whose relay
 * makes no sense is a temporary err (4.3.5); with no relay at all it is ROUTE_NONE. */
bool routes_find(int control_fd, const struct settings *settings, const char *sender,
		 const char *recipient, struct route *route_out,
		 struct err *err) MUST_USE;

/* A number that changes when senderroutes, smtproutes or the set of smarthost files do:
 * spool/state remembers by which map a parked Maildir was routed. */
uint64_t routes_signature(int control_fd, const struct settings *settings);

#endif
