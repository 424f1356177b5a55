/*
 * One pickup: everything that is new in one mailbox at a provider is fetched, then the
 * process leaves.
 *
 *	work                 when it begins, what it may use of the link, how it ended
 *	provider_connection  one connection, and the bytes that go over it
 *	conversation         what is asked in which order, and what the answers mean
 *	plan                 what is to be done with each listed message
 *	deliver              who gets a message, and that it is durable there
 *	oversize_notice      or who is told of it, if it is too large
 *	provider             POP3 or IMAP
 *	remote_mailbox       settings, lock and history of the mailbox (seen)
 *
 * Each knows only those below it; upward go the values of fetch_events.h.
 */
#ifndef LONTAR_PICKUP_WORK_H
#define LONTAR_PICKUP_WORK_H

#include <stdbool.h>

struct work_wish {
	const char *name; /* control/pickups/NAME */
	bool is_alone;    /* no gateway runs */
	bool proves; /* look for probe mails (multidrop_proof.h), and fetch nothing */
};

/* The present folder is the gateway's root. Returns the exit code; the failure is logged,
 * and told to the supervisor. */
int work_run(const struct work_wish *wish);

#endif
