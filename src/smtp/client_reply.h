/*
 * Replies of an SMTP server, read from its bytes (RFC 5321 4.2, RFC 3463). The server is
 * a stranger: a line may have any length and a reply any number of lines, but what is
 * kept of them has a bound, and it is printable ASCII, so that it can stand in a log, a
 * page or a bounce.
 */
#ifndef SMTP_CLIENT_REPLY_H
#define SMTP_CLIENT_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/span.h"

#define SMTP_REPLY_BYTES_MAX ((size_t)1 << 20) /* a longer reply is no reply */
#define SMTP_REPLY_TEXT_MAX  600               /* the deciding words come early */

struct smtp_client_reply {
	unsigned code;                  /* as sent, 0 to 999; 0 also: made by us */
	char status[12];                /* RFC 3463: as sent, else made from the code */
	char text[SMTP_REPLY_TEXT_MAX]; /* all lines without their codes, cut */
};

enum smtp_reply_got {
	SMTP_REPLY_MORE,   /* all bytes are taken, the reply is not whole */
	SMTP_REPLY_WHOLE,  /* there may be bytes left */
	SMTP_REPLY_BROKEN, /* what comes is not SMTP; sticky */
};

/* Valid when zeroed. */
struct smtp_reply_reader {
	char line[SMTP_REPLY_TEXT_MAX + 16]; /* the beginning of the line under way */
	size_t len;
	size_t bytes; /* of the reply under way */
	bool begun;   /* at least one line of the reply is whole */
	bool has_status;
	bool broken;
	struct smtp_client_reply reply;
};

/* Takes bytes off the front of *bytes up to the end of one reply. Of what is not SMTP
 * *reply_out gets the beginning as its text, and the code 0. */
enum smtp_reply_got smtp_reply_read(struct smtp_reply_reader *reader, struct span *bytes,
				    struct smtp_client_reply *reply_out) MUST_USE;

/* 2xx: the command was done. */
static inline bool smtp_reply_is_positive(const struct smtp_client_reply *reply)
{
	return reply->code / 100 == 2;
}

/* 4xx or 5xx: the command was refused, for now or for good. */
static inline bool smtp_reply_is_refusal(const struct smtp_client_reply *reply)
{
	return reply->code / 100 == 4 || reply->code / 100 == 5;
}

#endif
