/*
 * Do the name servers tell the truth? A captive portal's server, or one behind a dead
 * line, may say of every name that it does not exist, and a domain that "does not exist"
 * is a bounce. So before the first such answer of a call is believed, a name is asked for
 * that always exists: a root server's (RFC 8499). A server that does not know that one
 * knows nothing, and the mail waits.
 */
#ifndef SEND_DNS_CHECK_H
#define SEND_DNS_CHECK_H

#include <ev.h>
#include <stdbool.h>

#include "net/resolve.h"

enum dns_truth {
	DNS_NOT_ASKED,
	DNS_ASKING,
	DNS_TELLS_TRUTH,
	DNS_LIES, /* or cannot be asked: its "does not exist" is not believed */
};

struct dns_check { /* valid when zeroed */
	enum dns_truth truth;
	struct resolve *resolve;
	void (*done)(void *ctx);
	void *ctx;
};

/* Asks, unless that was done or is under way; `done` is called once, from the loop. */
void dns_check_start(struct dns_check *check, struct ev_loop *loop,
		     const struct resolve_way *way, void (*done)(void *ctx), void *ctx);
/* Some name was found: the servers tell the truth. */
void dns_check_found(struct dns_check *check);
void dns_check_close(struct dns_check *check);

#endif
