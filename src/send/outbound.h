/*
 * What one flush sends: the parked Maildir of one smarthost, the settings for it, its
 * queue, and what is counted while it goes. The lowest of the parts that know all of
 * these; it decides nothing.
 *
 * In MX mode the flush that holds the lock starts one process for each mail host
 * (mx_delivery.h). Such a process has an mx_job, which says whose mail is its own.
 */
#ifndef SEND_OUTBOUND_H
#define SEND_OUTBOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/rewrites.h"
#include "control/settings.h"
#include "control/smarthost.h"
#include "link/notes.h"
#include "link/stops.h"
#include "send/queue.h"
#include "store/parked.h"

struct mx_job;

struct send_counters {
	uint64_t sent; /* messages of which some recipient was accepted */
	uint64_t sent_bytes;
	uint64_t refused;    /* messages of which some recipient was bounced */
	uint64_t deferred;   /* messages of which some recipient waits */
	uint64_t deliveries; /* begun, for the log's numbers */
	uint64_t under_way;  /* of them: not ended */
};

struct outbound {
	int root_fd;
	int control_fd;
	struct settings settings;
	struct smarthost smarthost;
	struct rewrites rewrites;
	struct smarthost_note note;
	struct stops stops;
	struct parked *parked;
	struct queue queue;
	struct send_counters counters;
	uint64_t most_recipients; /* of a message in one transaction; 0: as many as fit */
	struct mx_job *job;       /* NULL, but in a process for one mail host */
	struct err why;           /* the first reason why mail stays */
	bool is_locked;           /* this process holds the Maildir's lock */
};

/* Opens the root (the current folder), the settings and the Maildir; without a job it
 * takes the lock. `job` becomes the outbound's. False: err. */
bool outbound_open(struct outbound *outbound, const char *smarthost, struct mx_job *job,
		   struct err *err) MUST_USE;
void outbound_close(struct outbound *outbound);

/* The first reason is the one that is told. */
void outbound_blame(struct outbound *outbound, const struct err *err);

/* A smarthost of type mx, seen from the process that holds the lock. */
bool outbound_is_mx(const struct outbound *outbound);

#endif
