/*
 * One pickup: everything that is new in one mailbox at a provider. The parts know it as
 * the place where they meet:
 *
 *   provider_connection  the connection, and what is asked of the server in which order
 *   message  one message as it comes in
 *   deliver  who gets it, and that it is durable there
 *   oversize_notice  or who is told of it, if it is too large
 *   meter    the link it goes over, and how much of it may be used
 *   seen     what was fetched before: spool/pickup/NAME
 *   boss     lontar-link, or `lontar pickup`, at the other end of PRIVATE_FD
 */
#ifndef LONTAR_PICKUP_PICKUP_H
#define LONTAR_PICKUP_PICKUP_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "control/pickup.h"
#include "control/rewrites.h"
#include "control/settings.h"
#include "ipc/peer.h"
#include "ipc/token.h"
#include "link/notes.h"

#include "programs/lontar-pickup/meter.h"
#include "programs/lontar-pickup/seen.h"

struct multidrop_proof;
struct provider_connection;

struct tally {
	uint64_t fetched;
	uint64_t bytes;
	uint64_t duplicates;
	uint64_t deleted; /* there, for good */
	uint64_t refused; /* the server would not give them */
};

struct work {
	struct ev_loop *loop;
	int root_fd;
	int control_fd;
	int lock_fd;
	struct settings settings;
	struct pickup pickup;
	struct rewrites rewrites;
	struct pickup_note note;
	struct seen *seen;
	struct multidrop_proof *proof; /* NULL unless it probes */
	struct token token;            /* the login's, where a command makes it */
	struct provider_connection *connection;
	struct meter meter;
	uint64_t most_octets; /* larger ones are fetched when a person asks; 0: any */
	bool is_moved;        /* another mailbox than the last time; see seen.h */
	unsigned renewals;    /* sessions that followed another */
	bool alone;           /* no gateway runs */
	bool probes;          /* looks for probe mails, and fetches nothing */
	bool stopping;
	bool begun;     /* the lock is ours */
	bool succeeded; /* all was asked for and answered */
	struct err why; /* what went wrong, the first of it */
	struct tally tally;
	uint64_t
		held; /* at the server, too large to be fetched, as of the last session */
	const char *doing;
	struct peer *master;
	struct peer *boss; /* NULL: nobody is told */
	ev_timer progress; /* four times a second */
	ev_signal term;
};

/* Opens what it needs and begins to connect. False and err: it cannot. */
bool work_begin(struct work *work, const char *name, struct err *err) MUST_USE;
/* After the loop: says how it ended. */
int work_finish(struct work *work, const struct err *err);

/* For the parts: */

/* Leaves the loop. */
void work_end(struct work *work);
/* Over at once: what is only half here stays there. */
void work_stop(struct work *work, const char *why);
void work_blame(struct work *work, const struct err *err);

#endif
