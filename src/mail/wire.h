/*
 * Line ends and dots: the only place where they change. Storage has LF; the wire has CRLF
 * and, in DATA and RETR, a dot doubled at the start of a line (RFC 5321 4.5.2).
 */
#ifndef MAIL_WIRE_H
#define MAIL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

/* Storage to wire, piece by piece. Valid when zeroed but for stuff_dots; line_begun is
 * false at the start of a line. A stored CR before an LF does not become CRCRLF, and a
 * bare CR leaves as a blank: no bare CR or LF ever does (smuggling). */
struct wire_encoder {
	bool stuff_dots;
	bool line_begun;
	bool after_cr;
};

/* False: past out's ceiling; encoder and out are then as they were. */
bool wire_encode(struct wire_encoder *encoder, struct span stored,
		 struct buf *out) MUST_USE;
/* The last line end, where the message has none. */
bool wire_finish(struct wire_encoder *encoder, struct buf *out) MUST_USE;

/* Wire to storage. Only CR LF ends a line; an LF without CR, or a CR without LF, is a
 * fault, and from there on nothing more goes to out. Valid when zeroed. */
enum wire_state {
	WIRE_MORE, /* the end was not there */
	WIRE_END,
	WIRE_BARE_LF,
	WIRE_BARE_CR,
};

struct wire_decoder {
	bool keep_bare; /* a bare CR or LF is no fault but stays: mail that was taken by
			 * somebody else long ago, fetched from there */
	unsigned position;     /* among the bytes of CR LF . CR LF; 0: a line starts */
	enum wire_state fault; /* the first one; WIRE_MORE: none yet */
};

/* For DATA and RETR: takes as much of `wire` as it can (all, or up to the end, or up to
 * out's ceiling), appends LF lines to out, returns the bytes taken. *state_out is
 * WIRE_MORE until the lone dot's line has been taken, which is the true end whatever came
 * before; then it is WIRE_END or the fault. */
size_t wire_decode_data(struct wire_decoder *decoder, struct span wire, struct buf *out,
			enum wire_state *state_out) MUST_USE;

/* The same for a piece whose end is known, of a BDAT chunk or an IMAP literal: no dots.
 * out has room for wire.len bytes, with keep_bare one more. WIRE_MORE or the fault; a CR
 * may wait for the next piece's LF. */
enum wire_state wire_decode_chunk(struct wire_decoder *decoder, struct span wire,
				  struct buf *out) MUST_USE;
/* After the last piece: WIRE_END, or the fault; with keep_bare WIRE_BARE_CR where a CR
 * was still waiting, which is the caller's to keep. */
enum wire_state wire_decode_end(struct wire_decoder *decoder) MUST_USE;

/* Octets with CRLF line ends of `bytes` stored ones with `lines` LFs, a missing last line
 * end added: what W= and LIST and SIZE say. Exactly what wire_encode makes of them, but
 * for a stored CR LF, which loses its CR: nothing that comes in here is stored so. */
static inline uint64_t wire_size(uint64_t bytes, uint64_t lines, bool unended)
{
	return bytes + lines + (unended ? 2 : 0);
}

#endif
