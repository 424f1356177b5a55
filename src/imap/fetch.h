/*
 * A FETCH response (RFC 9051 7.5.2), line by line with the literals between: of its items
 * UID, RFC822.SIZE, FLAGS and BODY[...] matter, all others are passed over.
 */
#ifndef IMAP_FETCH_H
#define IMAP_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum imap_item {
	IMAP_ITEM_NONE, /* a name is next */
	IMAP_ITEM_OTHER,
	IMAP_ITEM_UID,
	IMAP_ITEM_SIZE,
	IMAP_ITEM_FLAGS,
	IMAP_ITEM_BODY,
};

struct imap_fetch {          /* valid when zeroed */
	enum imap_item item; /* whose value is next */
	unsigned depth;
	uint64_t uid; /* 0: not told yet */
	uint64_t octets;
	bool is_sized;
	bool has_flags;
	bool is_deleted;
	bool has_body;
	uint64_t from; /* of BODY[]<from> */
};

enum imap_fetch_found {
	IMAP_FETCH_END,     /* of the response */
	IMAP_FETCH_LITERAL, /* *length_out bytes follow of no matter, then its next line
			     */
	IMAP_FETCH_BODY,    /* the same of the body */
	IMAP_FETCH_QUOTED,  /* a body as a quoted string, *text_out between the quotes */
	IMAP_FETCH_BROKEN,
};

/* Reads on in *line, which it takes from. */
enum imap_fetch_found imap_fetch_read(struct imap_fetch *fetch, struct span *line,
				      uint64_t *length_out, struct span *text_out);

#endif
