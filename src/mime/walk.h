/*
 * A walk through the parts of a message, line by line (RFC 2046 5.1).
 *
 * Parts are numbered in the order of their headers; the message itself is part 0. The
 * message inside a message/rfc822 part is a part of its own. Every line belongs to one
 * part: to its header, or to its body; of a multipart the body is what stands in front of
 * its first boundary and behind its last one, which readers ignore.
 *
 * Boundaries are compared whole, blanks behind them aside, innermost first. RFC 2046 asks
 * for the beginning only, but then a boundary that begins with another one ("b1", "b12")
 * would be misread, and mail programs in use do make such pairs.
 */
#ifndef MIME_WALK_H
#define MIME_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "mime/line.h"
#include "mime/media_type.h"

#define WALK_DEPTH_MAX 32 /* multiparts in each other; deeper ones are untouchable */
#define NO_PART        SIZE_MAX

enum walk_zone {
	WALK_HEADER,
	WALK_SEPARATOR, /* the empty line behind a header */
	WALK_BODY,
	WALK_BOUNDARY /* of the multipart that is named as its part */
};

enum walk_field { /* of a line in WALK_HEADER */
	FIELD_OTHER,
	FIELD_TYPE,
	FIELD_ENCODING,
	FIELD_VERSION
};

struct walk_step { /* what a line is */
	enum walk_zone zone;
	size_t part;
	enum walk_field field;
	bool field_begins; /* in WALK_HEADER: the field's first line */
	bool unseparated;  /* the first line of a body, but no empty line is before it */
};

struct mime_part { /* kind and encoding are known when its header has ended */
	size_t number;
	size_t parent; /* NO_PART: it is the message */
	enum media_kind kind;
	enum transfer_encoding encoding;
	bool is_message;  /* its header is a message's: it may have MIME-Version */
	bool has_type;    /* it has Content-Type ... */
	bool has_version; /* ... and MIME-Version */
};

struct walk_frame { /* a multipart that is open */
	size_t part;
	bool digest;
	char boundary[BOUNDARY_MAX];
};

struct walk {
	struct mime_part part; /* the last one whose header has begun */
	size_t body_of;        /* whose body the next line is in, unless in_header */
	bool in_header;
	bool in_digest;
	enum walk_field field;
	bool any_field;
	bool keeps;      /* the field's value is kept: */
	struct buf type; /* the values of the part's first such fields */
	struct buf encoding;
	struct walk_frame frames[WALK_DEPTH_MAX];
	size_t depth;
};

void walk_init(struct walk *walk);
void walk_clear(struct walk *walk);

/* Says what the next line, or piece of one, is. */
struct walk_step walk_line(struct walk *walk, const struct text_line *line);

#endif
