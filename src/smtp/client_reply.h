/*
 * Replies of an SMTP server, read from its bytes (RFC 5321 4.2, RFC 3463). The server is
 * a stranger: lines, their number and what is kept of them have bounds, and what is kept
 * is printable ASCII, so that it can stand in a log, a page or a bounce.
 */
#ifndef SMTP_CLIENT_REPLY_H
#define SMTP_CLIENT_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/span.h"

#define SMTP_REPLY_LINE_MAX  2000 /* RFC 5321 4.5.3.1.5 says 512 */
#define SMTP_REPLY_LINES_MAX 100
#define SMTP_REPLY_TEXT_MAX  400

struct smtp_client_reply {
	unsigned code;                  /* 200 to 599; 0: said by us, not by the server */
	char status[12];                /* RFC 3463: as sent, else made from the code */
	char text[SMTP_REPLY_TEXT_MAX]; /* all lines, without their codes */
};

enum smtp_reply_got {
	SMTP_REPLY_MORE,   /* all bytes are taken, the reply is not whole */
	SMTP_REPLY_WHOLE,  /* there may be bytes left */
	SMTP_REPLY_BROKEN, /* what comes is not SMTP; sticky */
};

/* Valid when zeroed. */
struct smtp_reply_reader {
	char line[SMTP_REPLY_LINE_MAX];
	size_t len;
	size_t lines; /* of the reply that has begun */
	struct smtp_client_reply reply;
	bool broken;
};

/* Takes bytes off the front of *bytes up to the end of one reply. */
enum smtp_reply_got smtp_reply_read(struct smtp_reply_reader *reader, struct span *bytes,
				    struct smtp_client_reply *reply_out) MUST_USE;

#endif
