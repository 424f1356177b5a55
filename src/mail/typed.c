#include "mail/typed.h"

#include <string.h>

#define WINDOW 4096 /* bytes looked at in a step, which one CR may end */

enum position {
	LINE_START,
	IN_LINE,
	AFTER_CR,     /* which is held, as all in front of it */
	AFTER_DOT,    /* likewise */
	AFTER_DOT_CR, /* likewise, both */
};

/* Up to and with the next LF, or the next CR, which waits. */
static size_t take_text(struct typed_decoder *decoder, struct span piece, struct buf *out)
{
	size_t len = piece.len < WINDOW ? piece.len : WINDOW;
	const char *lf = memchr(piece.at, '\n', len), *cr;

	len = lf ? (size_t)(lf - piece.at) + 1 : len;
	cr = memchr(piece.at, '\r', len);
	decoder->position = lf ? LINE_START : IN_LINE;
	if (cr) {
		decoder->position = AFTER_CR;
		decoder->held_crs = 1;
		len = (size_t)(cr - piece.at);
	}
	/* The caller has made room. */
	memcpy(out->data + out->len, piece.at, len);
	buf_wrote(out, len);
	return len + (cr ? 1 : 0);
}

static void put(struct buf *out, char byte, size_t count)
{
	memset(out->data + out->len, byte, count);
	buf_wrote(out, count);
}

/* One step; returns the bytes taken. */
static size_t step(struct typed_decoder *decoder, struct span piece, struct buf *out)
{
	bool is_lf = piece.at[0] == '\n';
	enum position position = decoder->position;

	if ((position == AFTER_DOT || position == AFTER_DOT_CR) && is_lf) {
		decoder->ended = true;
		return 1;
	}
	switch (position) {
	case AFTER_CR:
		if (piece.at[0] == '\r') {
			decoder->held_crs++;
			return 1;
		}
		put(out, is_lf ? '\n' : '\r', is_lf ? 1 : decoder->held_crs);
		decoder->position = is_lf ? LINE_START : IN_LINE;
		return is_lf ? 1 : 0;
	case AFTER_DOT:
		if (piece.at[0] == '\r') {
			decoder->position = AFTER_DOT_CR;
			return 1;
		}
		put(out, '.', 1);
		decoder->position = IN_LINE;
		return 0;
	case AFTER_DOT_CR:
		put(out, '.', 1);
		decoder->position = AFTER_CR;
		decoder->held_crs = 1;
		return 0;
	case LINE_START:
		if (decoder->dot_ends && piece.at[0] == '.') {
			decoder->position = AFTER_DOT;
			return 1;
		}
		break;
	case IN_LINE:
		break;
	}
	return take_text(decoder, piece, out);
}

bool typed_decode(struct typed_decoder *decoder, struct span piece, struct buf *out)
{
	if (!buf_reserve(out, piece.len + decoder->held_crs + 2))
		return false;
	while (piece.len && !decoder->ended)
		piece = span_after(piece, step(decoder, piece, out));
	return true;
}

bool typed_finish(struct typed_decoder *decoder, struct buf *out)
{
	/* A dot that ends the input ends the message too, line end or not. */
	if (decoder->ended || decoder->position != AFTER_CR)
		return true;
	decoder->position = IN_LINE;
	if (!buf_reserve(out, decoder->held_crs))
		return false;
	put(out, '\r', decoder->held_crs);
	return true;
}
