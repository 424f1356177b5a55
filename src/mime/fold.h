/*
 * Header lines of over 998 octets, folded at white space (RFC 5322 2.1.1, 2.2.3): what
 * they say stays the same. A line that has no white space to fold at stays too long.
 */
#ifndef MIME_FOLD_H
#define MIME_FOLD_H

#include "base/attr.h"
#include "base/buf.h"
#include "mime/line.h"

/* Valid when zeroed. */
struct folder {
	char held[LINE_OCTETS_MAX + LINE_PIECE_MAX];
	size_t len;
	bool in_value; /* the line's front, with the field's name, has left */
};

/* Appends the line, or piece of one, folded if it is too long. False: out is at its
 * ceiling. */
bool folder_line(struct folder *folder, const struct text_line *line,
		 struct buf *out) MUST_USE;

#endif
