/*
 * A connection whose both directions are compressed (raw DEFLATE, RFC 1951), as IMAP's
 * COMPRESS (RFC 4978) makes it. What it inflates to is handed on in pieces: a few bytes
 * may become a thousand times as many, and none are kept.
 */
#ifndef NET_DEFLATE_H
#define NET_DEFLATE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct deflate;

struct deflate *deflate_new(void);
void deflate_free(struct deflate *deflate); /* NULL does nothing */

/* Compresses all of `plain` into out, so that the peer can read all of it. False: past
 * out's ceiling; the stream is of no use then. */
bool deflate_pack(struct deflate *deflate, struct span plain, struct buf *out) MUST_USE;

enum inflated {
	INFLATED,      /* *piece_out, not empty; ask again */
	INFLATED_ALL,  /* *packed is used up */
	INFLATE_BROKEN /* what came is no such stream, or goes on behind its end */
};
/* Takes from *packed. The piece is borrowed until the next call. */
enum inflated deflate_unpack(struct deflate *deflate, struct span *packed,
			     struct span *piece_out) MUST_USE;

#endif
