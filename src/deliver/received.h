/*
 * The trace line that we put in front of each message taken in (RFC 5321 4.4): short,
 * since it crosses the link with every message, and safe, whatever the client called
 * itself.
 */
#ifndef DELIVER_RECEIVED_H
#define DELIVER_RECEIVED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

struct received {
	struct span helo;
	struct span remote_ip;
	struct span
		protocol;  /* SMTP, ESMTP, ESMTPS, ESMTPSA, ...; empty: of this machine */
	struct span login; /* who logged in, or whose process it is; may be empty */
	struct span session;
	const char *me;
	int64_t now; /* wall clock seconds */
};

/* "Received: from HELO ([IP]) by ME with PROTOCOL id SESSION;\n\tDATE\n", or
 * "Received: by ME (user LOGIN) id SESSION; DATE\n". */
bool received_append(struct buf *out, const struct received *received) MUST_USE;

#endif
