/*
 * Handing a message of our own in: a bounce, a notice, what sendmail was given. Through
 * run/deliver where the gateway runs; where it does not and the caller may write the
 * spool, committed here by the same code.
 */
#ifndef DELIVER_INJECT_H
#define DELIVER_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"

/* Where a message was fetched from: for the Received line. */
struct inject_origin {
	const char *protocol; /* POP3, POP3S */
	const char *host;
	const char *address; /* as text */
	const char *session;
};

struct inject {
	const char *sender; /* "" for bounces */
	const char *const *recipients;
	size_t count;
	bool only_ours; /* recipients at other domains than ours are refused (5.7.1) */
	bool bounce;    /* ours: without a Received line */
	const struct inject_origin *origin; /* NULL: of this machine */
	struct span text; /* the whole message, LF line ends; or, where at is NULL: */
	int fd;           /* a file with LF line ends, */
	off_t from;       /* from here on */
	struct span head; /* whole lines to put in front; may be empty */
	/* Where the gateway runs, it appends this line to this file when the message is
	 * durable; look whether it did. line empty: nothing is to be. */
	struct span record_line;
	int record_fd;
	const char *login; /* who hands it in, for the Received line; may be NULL */
};

/* True: durable at every recipient. Temporary err: nothing was taken. Permanent err: a
 * recipient is refused (named in the text), nothing was taken. */
bool inject_message(int root_fd, const struct inject *inject, struct err *err) MUST_USE;

#endif
