/*
 * Bytes cut into lines, and overlong lines into pieces.
 *
 * Where a line is cut depends on the line alone and never on how the bytes arrived: a
 * message that is converted twice, once to count and once to send, gives the same bytes.
 */
#ifndef MIME_LINE_H
#define MIME_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

#define LINE_OCTETS_MAX 998 /* without the line end: RFC 5322 2.1.1 */
#define LINE_PIECE_MAX  1000

struct text_line { /* or a piece of one */
	struct span text;
	bool begins;   /* its first byte is the line's first */
	bool more;     /* the line goes on in the next piece */
	bool ended;    /* by an LF, which is not in text; false: the bytes ended */
	bool ended_cr; /* by a CR in front of the LF, which is not in text either */
};

/* Valid when zeroed. */
struct line_splitter {
	char held[LINE_PIECE_MAX];
	size_t len;
	size_t given; /* bytes of held that the last line borrowed */
	bool inside;  /* a line has begun */
};

/* Takes the next line or piece off *bytes; it is valid until the next call. False: all of
 * *bytes is taken, and none is complete. */
bool line_next(struct line_splitter *splitter, struct span *bytes,
	       struct text_line *line_out);
/* After the last byte: the line that has no end, if there is one. */
bool line_last(struct line_splitter *splitter, struct text_line *line_out);

static inline bool line_is_long(const struct text_line *line)
{
	return line->more || !line->begins || line->text.len > LINE_OCTETS_MAX;
}

#endif
