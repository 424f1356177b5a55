/*
 * Every parked message, with why it waits and when it will go: `lontar queue`. Read from
 * the disk alone. A message that is settled or moved while we look may be missing.
 */
#ifndef REPORT_QUEUE_H
#define REPORT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/err.h"
#include "report/status.h"

struct queue_message {
	const struct smarthost_status *smarthost;
	struct parked_name name;
	char *sender;      /* NULL: its head cannot be read */
	char **recipients; /* unsettled */
	size_t recipient_count;
	int64_t age_s;
	int64_t waited_s; /* with a link up */
	int64_t next;     /* wall clock seconds; 0: nobody knows */
	char why[640];
};

struct queue {
	struct smarthost_status *smarthosts;
	size_t smarthost_count;
	struct queue_message *messages; /* by smarthost, then oldest first */
	size_t count;
};

/* All smarthosts, or, unless NULL, this one; no such smarthost: EX_NOINPUT. Clear with
 * queue_clear in any case. */
bool queue_read(int root_fd, int control_fd, const char *only, struct queue *queue_out,
		struct err *err) MUST_USE;
void queue_clear(struct queue *queue);

/* "waiting", "held", "uncertain" or "sending". */
const char *queue_message_state(const struct queue_message *message);

/* DESIGN's `queue --json`; a table for people. */
bool queue_print_json(const struct queue *queue, FILE *to, struct err *err) MUST_USE;
void queue_print(const struct queue *queue, FILE *to);

#endif
