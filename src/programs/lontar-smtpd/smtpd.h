/*
 * What the sessions of this process have in common: a place among its clients, and
 * lontar-deliver, which is asked about their mail over one socket.
 */
#ifndef SMTPD_SMTPD_H
#define SMTPD_SMTPD_H

#include "session/worker.h"

struct smtpd {
	struct worker worker; /* first: the protocol's functions find the rest */
	struct peer *deliver; /* NULL: lost */
	/* Changes what lontar-auth permits; may be NULL. */
	void (*amend)(struct auth_permit *permit);
};

/* For worker.protocol. */
extern const struct protocol smtpd_protocol;

#endif
