/*
 * What waits where, and why: `lontar status`. Read from the disk alone, so that it is
 * right with or without a running gateway.
 */
#ifndef REPORT_STATUS_H
#define REPORT_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings.h"
#include "link/allowance.h"
#include "link/large.h"
#include "link/notes.h"
#include "link/stops.h"
#include "report/links.h"
#include "report/logins.h"
#include "store/parked.h"

/* One parked Maildir and the smarthost it waits for. */
struct smarthost_status {
	char name[SMARTHOST_NAME_MAX];
	uint64_t messages;
	uint64_t bytes; /* on the wire */
	uint64_t held;
	uint64_t uncertain;
	uint64_t sending;
	int64_t oldest_s; /* -1: nothing waits */
	bool link_up;
	struct link_note link; /* that serves it best; where none is up, may be brought
				  up; its name is "": no such link is known */
	struct allowance allowance; /* of that link */
	int64_t next_call; /* none is up, and the gateway calls this one; 0: not known */
	struct smarthost_note note;
	struct stop stop; /* that of the whole smarthost, which holds now; scope "": none
			   */
	uint64_t stopped_senders;
};

struct pickup_status {
	char *name;
	struct pickup_note note;
	struct large *larges; /* what lies there until somebody asks, the oldest first */
	size_t large_count;
};

struct status {
	char *me;
	struct link_status *links; /* sorted by name */
	size_t link_count;
	struct smarthost_status *smarthosts; /* sorted by name */
	size_t smarthost_count;
	struct pickup_status *pickups; /* sorted by name */
	size_t pickup_count;
	struct login_status *logins; /* sorted by name */
	size_t login_count;
};

/* control_fd: the control folder, open. Clear with status_clear in any case. */
bool status_read(int root_fd, int control_fd, struct status *status_out,
		 struct err *err) MUST_USE;
void status_clear(struct status *status);

/* One smarthost; its messages go to *list_out, to be cleared. A Maildir that does not
 * exist (yet) is empty. */
bool smarthost_status_read(int root_fd, int control_fd, const char *smarthost,
			   struct smarthost_status *status_out,
			   struct parked_list *list_out, struct err *err) MUST_USE;

/* As stops_now_of(), by the link that is in *status. */
struct stops_now smarthost_status_now(int root_fd, int control_fd,
				      const struct smarthost_status *status);

/* "stopped" (the smarthost is), "sending", "waiting", or "empty". */
const char *smarthost_status_state(const struct smarthost_status *status);

/* Names of all smarthosts that have a file in control/smarthosts or a parked Maildir,
 * sorted. */
bool status_smarthosts(int root_fd, int control_fd, struct settings_list *names_out,
		       struct err *err) MUST_USE;

/* DESIGN's `status --json`, as a new reference and printed; a table for people. */
json_t *status_json(const struct status *status);
bool status_print_json(const struct status *status, FILE *to, struct err *err) MUST_USE;
void status_print(const struct status *status, FILE *to);

#endif
