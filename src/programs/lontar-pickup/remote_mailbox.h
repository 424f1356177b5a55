/*
 * The mailbox at the provider that a pickup is about, and all that is known of it here:
 * its settings, what was fetched from it before, the link it is reached over, and the
 * lock that makes this process the only one to fetch it. The parts below the main object
 * read it; of what it holds they change only `seen` and `proof`.
 */
#ifndef LONTAR_PICKUP_REMOTE_MAILBOX_H
#define LONTAR_PICKUP_REMOTE_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/pickup.h"
#include "control/rewrites.h"
#include "control/settings.h"
#include "programs/lontar-pickup/multidrop_proof.h"
#include "programs/lontar-pickup/seen.h"
#include "transfer/link_path.h"

struct remote_mailbox {
	int root_fd;
	int control_fd;
	int lock_fd; /* -1: the lock is not ours */
	struct settings settings;
	struct pickup pickup; /* its name is NULL until its file was read */
	struct rewrites rewrites;
	struct seen *seen;
	struct multidrop_proof *proof; /* NULL, unless probe mails are looked for and
					* nothing is fetched */
	bool is_moved; /* another mailbox than the last time; see seen.h */
	/* Both are set once the link has been chosen. */
	struct link_path path;
	uint64_t most_octets; /* larger ones are fetched if a person asks; LIMIT_NONE */
};

#define REMOTE_MAILBOX_INIT                                    \
	{                                                      \
		.root_fd = -1, .control_fd = -1, .lock_fd = -1 \
	}

/* Reads control/pickups/NAME and takes its lock in run/. proves: to look for probe mails
 * (multidrop_proof.h). False and err: lock_fd says how far it came. Close it in any case.
 */
bool remote_mailbox_open(struct remote_mailbox *mailbox, const char *name, bool proves,
			 struct err *err) MUST_USE;
/* All that is listed there has been compared with what was seen. */
bool remote_mailbox_tidy(struct remote_mailbox *mailbox, struct err *err) MUST_USE;
void remote_mailbox_close(struct remote_mailbox *mailbox);

/* Bytes of the link that a message of so many octets takes, about: with the headers and
 * acknowledgements of TCP and IP for each segment, and with its commands and their
 * answers. */
uint64_t remote_mailbox_cost(uint64_t octets);

#endif
