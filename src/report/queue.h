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
#include "report/why.h"

struct queue_message {
	const struct smarthost_status *smarthost;
	struct parked_name name;
	char *sender;      /* NULL: its head cannot be read */
	char *subject;     /* as people read it, "" if there is none; NULL likewise */
	char **recipients; /* unsettled */
	size_t recipient_count;
	int64_t age_s;
	int64_t waited_s; /* with a link up */
	struct why why;
};

/* Calls back for each message of all smarthosts, or, unless NULL, of this one: by
 * smarthost, then oldest first, each read when its turn comes, so that the first is there
 * at once however many wait. Stops at the first false. No such smarthost: EX_NOINPUT. */
bool queue_each(int root_fd, int control_fd, const char *only,
		bool (*each)(void *ctx, const struct queue_message *message), void *ctx,
		struct err *err) MUST_USE;

/* "waiting", "held", "uncertain" or "sending". */
const char *queue_message_state(const struct queue_message *message);

/* The same, printed: `lontar queue --json`, and a table for people. */
bool queue_print_json(int root_fd, int control_fd, const char *only, FILE *to,
		      struct err *err) MUST_USE;
bool queue_print(int root_fd, int control_fd, const char *only, FILE *to,
		 struct err *err) MUST_USE;

#endif
