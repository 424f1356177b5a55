/*
 * Telling a sender what became of a parked message's recipients, durably, before these
 * are settled (RFC 5321 6.1, RFC 3464).
 *
 * As qmail does it: a bounce has the null sender; of a message with the null sender, or
 * whose sender does not exist, the postmaster is told (doublebounceto), from "#@[]"; of
 * that one nobody is. A delay is told to senders of our own domains only.
 */
#ifndef DELIVER_BOUNCE_H
#define DELIVER_BOUNCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings.h"
#include "mail/dsn.h"
#include "mail/envelope.h"
#include "store/parked_name.h"

#define BOUNCE_DOUBLE_SENDER ENVELOPE_DOUBLE_BOUNCE

struct bounce {
	int root_fd;
	const struct settings *settings;
	const struct parked_name *name;
	const struct envelope *envelope;
	int message_fd; /* the parked file */
	enum dsn_action action;
	const struct dsn_recipient *recipients;
	size_t count;
};

/* True: the bounce is durable, or there is nobody left to tell. False: the recipients
 * must not be settled yet. */
bool bounce_send(const struct bounce *bounce, struct err *err) MUST_USE;

#endif
