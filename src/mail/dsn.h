/*
 * A delivery status notification (RFC 3464 in a multipart/report, RFC 6522): what a
 * sender is told when a recipient was refused, in words an office worker understands,
 * with the original's header and never its body.
 */
#ifndef MAIL_DSN_H
#define MAIL_DSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

enum dsn_action {
	DSN_FAILED,
	DSN_DELAYED,
};

struct dsn_recipient {
	const char *address;
	const char *status;      /* RFC 3463, "5.1.1" */
	const char *remote_host; /* who said so; NULL: this gateway */
	const char *reply;       /* his words, "550 5.1.1 no such user"; may be NULL */
	const char *cause;       /* what this gateway knows of it, in words for people; or
				  * NULL */
	const char *
		why; /* DSN_DELAYED: it waits, in words for people; NULL: by the status */
};

struct dsn {
	enum dsn_action action;
	const char *me;          /* reporting host (control/me) */
	const char *from;        /* bouncefrom@bouncehost */
	const char *to;          /* the original's sender */
	const char *original_id; /* the parked file's UNIQUE; makes the boundary */
	int64_t arrived;         /* wall clock seconds */
	int64_t now;
	const struct dsn_recipient *recipients;
	size_t count;
	struct span original_header; /* LF line ends */
};

/* The whole message with LF line ends, from its header on (no Return-Path). */
bool dsn_append(struct buf *out, const struct dsn *dsn) MUST_USE;

#endif
