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

bool wire_encode(struct wire_encoder *encoder, struct span stored,
		 struct buf *out) MUST_USE;
/* The last line end, where the message has none. */
bool wire_finish(struct wire_encoder *encoder, struct buf *out) MUST_USE;

/* Wire to storage, for DATA: takes as much of `wire` as it can, appends LF lines to out,
 * returns the bytes taken. What became of it is in state. */
enum wire_state {
	WIRE_MORE,    /* all is taken, the end was not there */
	WIRE_END,     /* the lone dot's line has been taken */
	WIRE_BARE_LF, /* an LF without CR, or a CR without LF: sticky; the bytes up to the
		       */
	WIRE_BARE_CR, /* true end are still taken, nothing more goes to out */
};

struct wire_decoder {
	unsigned position; /* within CR LF . CR LF */
	enum wire_state fault;
	bool line_begun;
};

size_t wire_decode_data(struct wire_decoder *decoder, struct span wire, struct buf *out,
			enum wire_state *state_out) MUST_USE;

/* The same for one BDAT chunk, whose end is known: no dots. */
enum wire_state wire_decode_chunk(struct wire_decoder *decoder, struct span wire,
				  struct buf *out) MUST_USE;

/* Octets with CRLF line ends of `bytes` stored ones with `lines` LFs, a missing last line
 * end added: what S= and LIST and SIZE say. */
static inline uint64_t wire_size(uint64_t bytes, uint64_t lines, bool unended)
{
	return bytes + lines + (unended ? 2 : 0);
}

#endif
