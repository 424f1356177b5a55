/*
 * Netstrings: "5:hello," - a length, a colon, so many bytes, a comma. Read from a peer
 * who may send anything, in pieces.
 */
#ifndef QMTP_NETSTRING_H
#define QMTP_NETSTRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

#define NETSTRING_LENGTH_MAX (UINT64_C(1) << 40) /* more is no message */

enum netstring_got {
	NETSTRING_MORE, /* all bytes are taken, it is not whole */
	NETSTRING_WHOLE,
	NETSTRING_BROKEN, /* it is none, or too long */
};

/* The length and the colon. Valid when zeroed; so again once it was whole. */
struct netstring_head {
	uint64_t length;
	unsigned digits;
};
enum netstring_got netstring_head_read(struct netstring_head *head, struct span *bytes,
				       uint64_t *length_out) MUST_USE;

/* A whole one that is kept. What does not fit text's ceiling is taken all the same, and
 * is_cut says so. Valid when zeroed but for text; when it is whole, text is the caller's
 * until the next call, which begins a new one. */
struct netstring_reader {
	struct netstring_head head;
	struct buf text;
	uint64_t left;
	bool in_text;
	bool is_whole;
	bool is_cut;
};
enum netstring_got netstring_read(struct netstring_reader *reader,
				  struct span *bytes) MUST_USE;

/* Appends it as a netstring. False: past out's ceiling. */
bool netstring_put(struct buf *out, struct span text) MUST_USE;
/* How many bytes that is. */
size_t netstring_size(size_t text_len);

#endif
