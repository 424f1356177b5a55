/*
 * Loops, found in a message's header while it streams by (RFC 5321 6.3): too many hops,
 * or a Delivered-To line that names one of this message's recipients.
 */
#ifndef SMTP_TRACE_H
#define SMTP_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/span.h"
#include "mail/address.h"

#define SMTP_HOPS_MAX 100 /* Received and Delivered-To lines; qmail's limit */

enum smtp_trace_found {
	SMTP_TRACE_FINE,
	SMTP_TRACE_HOPS,
	SMTP_TRACE_LOOP,
};

/* Valid when zeroed. */
struct smtp_trace {
	bool header_over;
	unsigned hops;
	size_t len;
	char line[ADDRESS_MAX + 32]; /* the beginning of the line under way */
};

/* The next piece of the message, LF line ends. recipients: addresses, each ended by a
 * NUL. Costs nothing once the header is over. */
enum smtp_trace_found smtp_trace_feed(struct smtp_trace *trace, struct span piece,
				      const struct buf *recipients);

#endif
