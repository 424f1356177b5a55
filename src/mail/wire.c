#include "mail/wire.h"

#include <assert.h>
#include <string.h>

/* The bytes up to `stop` end in a CRLF where an LF ended them, and begin with a second
 * dot where the line does and needs one. */
static bool put_text(struct wire_encoder *encoder, struct span text, bool ended,
		     struct buf *out)
{
	bool dot = encoder->stuff_dots && !encoder->line_begun && text.len &&
		   text.at[0] == '.';
	char *to = buf_reserve(out, text.len + 3);

	if (!to)
		return false;
	if (dot)
		*to++ = '.';
	memcpy(to, text.at, text.len);
	to += text.len;
	if (ended) {
		to[0] = '\r';
		to[1] = '\n';
	}
	buf_wrote(out, dot + text.len + (ended ? 2 : 0));
	encoder->line_begun = !ended && (encoder->line_begun || text.len);
	return true;
}

/* One line, or a piece of one, that may hold CRs. */
static bool put_line(struct wire_encoder *encoder, struct span line, bool ended,
		     struct buf *out)
{
	const char *cr;
	struct span before;

	for (;;) {
		if (encoder->after_cr) {
			if (!line.len && !ended)
				return true; /* the next piece tells */
			encoder->after_cr = false;
			if (line.len &&
			    !put_text(encoder, (struct span){ " ", 1 }, false, out))
				return false;
		}
		cr = line.len ? memchr(line.at, '\r', line.len) : NULL;
		if (!cr)
			return put_text(encoder, line, ended, out);
		before = (struct span){ line.at, (size_t)(cr - line.at) };
		if (!put_text(encoder, before, false, out))
			return false;
		encoder->after_cr = true;
		line = span_after(line, before.len + 1);
	}
}

bool wire_encode(struct wire_encoder *encoder, struct span stored, struct buf *out)
{
	struct wire_encoder before = *encoder;
	size_t len = out->len;
	struct span rest = stored, line;
	const char *lf;

	while (rest.len) {
		lf = memchr(rest.at, '\n', rest.len);
		line = (struct span){ rest.at, lf ? (size_t)(lf - rest.at) : rest.len };
		if (!put_line(encoder, line, lf != NULL, out)) {
			*encoder = before;
			buf_cut(out, len);
			return false;
		}
		rest = span_after(rest, line.len + (lf ? 1 : 0));
	}
	return true;
}

bool wire_finish(struct wire_encoder *encoder, struct buf *out)
{
	if (!encoder->line_begun && !encoder->after_cr)
		return true;
	/* A CR that was the very last byte is a bare one: wire_size counts it. */
	if (!(encoder->after_cr ? buf_append(out, " \r\n", 3)
				: buf_append(out, "\r\n", 2)))
		return false;
	encoder->line_begun = encoder->after_cr = false;
	return true;
}

/* Where a decoder stands. Only CR LF begins a line: a dot behind a bare LF never ends
 * the message, or somebody could hide a second one in it. */
enum position {
	LINE_START,
	IN_LINE,
	AFTER_CR,
	AFTER_DOT,
	AFTER_DOT_CR,
};

static void fail(struct wire_decoder *decoder, enum wire_state fault)
{
	if (decoder->fault == WIRE_MORE)
		decoder->fault = fault;
}

/* Text up to and with its CR, copied to `to` unless something was wrong already. Returns
 * the bytes taken; *copied_out of them were kept. */
static size_t take_text(struct wire_decoder *decoder, struct span wire, char *to,
			size_t *copied_out)
{
	const char *cr = memchr(wire.at, '\r', wire.len);
	size_t len = cr ? (size_t)(cr - wire.at) : wire.len;

	*copied_out = 0;
	if (decoder->fault == WIRE_MORE && !decoder->keep_bare && len &&
	    memchr(wire.at, '\n', len))
		fail(decoder, WIRE_BARE_LF);
	if (decoder->fault == WIRE_MORE) {
		memcpy(to, wire.at, len);
		*copied_out = len;
	}
	decoder->position = cr ? AFTER_CR : IN_LINE;
	return len + (cr ? 1 : 0);
}

/* The CR that was taken last ended no line. */
static void bare_cr(struct wire_decoder *decoder, char *to, size_t *copied_out)
{
	decoder->position = IN_LINE;
	if (!decoder->keep_bare) {
		fail(decoder, WIRE_BARE_CR);
		return;
	}
	*to = '\r';
	*copied_out = 1;
}

/* One step of the conversation between wire and lines. */
static size_t step(struct wire_decoder *decoder, struct span wire, char *to,
		   size_t *copied_out)
{
	*copied_out = 0;
	switch ((enum position)decoder->position) {
	case AFTER_CR:
		if (wire.at[0] != '\n') {
			bare_cr(decoder, to, copied_out);
			return 0;
		}
		if (decoder->fault == WIRE_MORE) {
			*to = '\n';
			*copied_out = 1;
		}
		decoder->position = LINE_START;
		return 1;
	case AFTER_DOT:
		decoder->position = wire.at[0] == '\r' ? AFTER_DOT_CR : IN_LINE;
		return wire.at[0] == '\r' ? 1 : 0;
	case AFTER_DOT_CR: /* of the end: its LF is the caller's */
		bare_cr(decoder, to, copied_out);
		return 0;
	case LINE_START:
	case IN_LINE:
		break;
	}
	return take_text(decoder, wire, to, copied_out);
}

size_t wire_decode_data(struct wire_decoder *decoder, struct span wire, struct buf *out,
			enum wire_state *state_out)
{
	size_t taken = 0, copied, room = out->max - out->len;
	size_t spare = decoder->keep_bare ? 1 : 0;
	char *to;

	/* What is decoded is never longer than what it came from, but for a CR that is
	 * kept and came before. */
	*state_out = WIRE_MORE;
	if (room < spare)
		return 0;
	if (wire.len > room - spare)
		wire.len = room - spare;
	to = buf_reserve(out, wire.len + spare);
	while (taken < wire.len) {
		if (decoder->position == LINE_START && wire.at[taken] == '.') {
			decoder->position = AFTER_DOT;
			taken++;
		} else if (decoder->position == AFTER_DOT_CR && wire.at[taken] == '\n') {
			decoder->position = LINE_START;
			*state_out =
				decoder->fault == WIRE_MORE ? WIRE_END : decoder->fault;
			return taken + 1;
		} else {
			taken += step(decoder, span_after(wire, taken), to, &copied);
			to += copied;
			buf_wrote(out, copied);
		}
	}
	return taken;
}

enum wire_state wire_decode_chunk(struct wire_decoder *decoder, struct span wire,
				  struct buf *out)
{
	size_t taken = 0, copied, spare = decoder->keep_bare ? 1 : 0;
	char *to = buf_reserve(out, wire.len + spare);

	assert(to);
	while (taken < wire.len) {
		taken += step(decoder, span_after(wire, taken), to, &copied);
		to += copied;
		buf_wrote(out, copied);
	}
	return decoder->fault;
}

enum wire_state wire_decode_end(struct wire_decoder *decoder)
{
	if (decoder->position == AFTER_CR)
		fail(decoder, WIRE_BARE_CR);
	return decoder->fault == WIRE_MORE ? WIRE_END : decoder->fault;
}
