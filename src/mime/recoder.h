/*
 * A body's lines in another transfer encoding (RFC 2045 6.7 and 6.8).
 *
 * Fed with the same lines it gives the same bytes. No line that it makes is longer than
 * 998 octets or begins with "--", so that none can be taken for a boundary.
 */
#ifndef MIME_RECODER_H
#define MIME_RECODER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mime/line.h"

enum recoding {
	RECODE_NOTHING, /* the lines as they are */
	RECODE_QUOTED_PRINTABLE,
	RECODE_BASE64,
	REPAIR_QUOTED_PRINTABLE, /* it is that already, but for long lines and stray bytes
				  */
	REPAIR_BASE64
};

/* Valid when zeroed but for `how`. */
struct recoder {
	enum recoding how;
	size_t column;         /* bytes of the line that is being written */
	unsigned char held[3]; /* RECODE_BASE64: not yet a whole group */
	size_t held_len;
	bool owes_line_end; /* RECODE_BASE64: the last line's end may be a boundary's */
	unsigned in_escape; /* REPAIR_QUOTED_PRINTABLE: bytes that belong to an "=" */
};

/* False: out is at its ceiling. */
bool recoder_line(struct recoder *recoder, const struct text_line *line,
		  struct buf *out) MUST_USE;

/* The body is over. at_boundary: its last line end belongs to the boundary that follows
 * (RFC 2046 5.1.1). */
bool recoder_end(struct recoder *recoder, bool at_boundary, struct buf *out) MUST_USE;

#endif
