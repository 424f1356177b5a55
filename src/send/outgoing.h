/*
 * One message that is being sent: its file open, its size on the wire known exactly (BDAT
 * needs it), its body encoded piece by piece. If control/rewrites changes its header,
 * that is held in memory as it leaves; the file keeps the office's addresses. If the
 * server needs another form of it, the converter makes that anew each time it is read.
 */
#ifndef SEND_OUTGOING_H
#define SEND_OUTGOING_H

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

struct outgoing {
	struct outgoing *next;
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
	uint64_t mark;                     /* ... at this place, as transmit.c counts */
	struct smtp_client_result *result; /* while it is suspended */
};

struct outgoing_terms {
	const struct rewrites *rewrites;
	uint64_t most_recipients; /* in one transaction; 0: as many as fit */
	const char *null_sender;  /* the address to use instead of <>; NULL: none */
	struct convert_need need; /* what the message must be for the server */
};

/* NULL and err: permanent if the file is not as it must be. The size is counted by
 * reading it all. Free with outgoing_free. */
struct outgoing *outgoing_open(struct parked *parked, const struct parked_name *name,
			       const struct outgoing_terms *terms,
			       struct err *err) MUST_USE;
void outgoing_free(struct outgoing *message); /* NULL does nothing */

/* From the start again. */
void outgoing_rewind(struct outgoing *message, bool dots);
/* Appends at most about room bytes more of the encoded body; *end_out: that was all.
 * False: the file is not what it was when it was measured. */
bool outgoing_encode(struct outgoing *message, size_t room, struct buf *out,
		     bool *end_out, struct err *err) MUST_USE;

#endif
