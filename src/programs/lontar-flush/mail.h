/*
 * One message at work: its file open, its size on the wire known exactly (BDAT needs it),
 * its body encoded piece by piece. Where control/rewrites changes its header, that is
 * held in memory as it leaves; the file keeps the office's addresses. Where the server
 * needs another form of it, the converter makes that anew each time it is read.
 */
#ifndef LONTAR_FLUSH_MAIL_H
#define LONTAR_FLUSH_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "control/rewrites.h"
#include "mail/envelope.h"
#include "mail/wire.h"
#include "mime/converter.h"
#include "mime/limits.h"
#include "smtp/client.h"
#include "store/parked.h"

struct mail {
	struct mail *next;
	struct parked_name name; /* as its file is called now */
	struct envelope envelope;
	int fd;
	char *sender;      /* as the smarthost is told */
	struct buf header; /* instead of the file's first header_bytes; may be empty */
	off_t header_bytes;
	uint64_t inode; /* the message's number in the log */
	const char *recipients[SMTP_CLIENT_RECIPIENTS_MAX]; /* of this turn: unsettled */
	struct envelope_recipient *unsettled[SMTP_CLIENT_RECIPIENTS_MAX];
	size_t count;
	bool more;               /* there are more than fit one turn */
	uint64_t first_delivery; /* the first recipient's number in the log */
	uint64_t wire_bytes;
	struct limits_check limits;  /* as it is sent */
	struct converter *converter; /* NULL: it is sent as it is stored */
	struct buf converted;        /* from the converter, and not yet encoded */
	bool all_read;               /* the file has nothing more for the converter */
	const char *left_why;        /* what the server may not take, and why that was not
				      * changed, for a bounce; NULL: all is as it should be */
	size_t header_at;
	off_t read_at;
	struct wire_encoder encoder;
	bool begun;                        /* part of it is in the stream ... */
	int64_t began_us;                  /* ... since then, monotonic */
	uint64_t encoded;                  /* bytes of it, without doubled dots */
	bool written;                      /* its last byte is in the stream ... */
	uint64_t mark;                     /* ... at this place, as session.c counts */
	struct smtp_client_result *result; /* while it is suspended */
};

/* NULL and err: permanent where the file is not as it must be. The size is counted by
 * reading it all. need: what it must be for the server. Free with mail_free. */
struct mail *mail_open(struct parked *parked, const struct parked_name *name,
		       const struct rewrites *rewrites, const struct convert_need *need,
		       struct err *err) MUST_USE;
void mail_free(struct mail *mail); /* NULL does nothing */

/* From the start again. */
void mail_rewind(struct mail *mail, bool dots);
/* Appends at most about room bytes more of the encoded body; *end_out: that was all.
 * False: the file is not what it was when it was measured. */
bool mail_encode(struct mail *mail, size_t room, struct buf *out, bool *end_out,
		 struct err *err) MUST_USE;

#endif
