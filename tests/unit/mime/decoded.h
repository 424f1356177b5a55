/*
 * What a reader sees of a message: the contents of its leaf parts, decoded, with CRLF
 * line ends, each behind its own mark. Written apart from the converter's encoders; the
 * walk through the parts is shared. A conversion must not change what this gives.
 */
#ifndef TESTS_MIME_DECODED_H
#define TESTS_MIME_DECODED_H

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "mime/converter.h"

#define PART_MARK "\n=== part ===\n"

struct reader {
	struct walk walk;
	struct line_splitter lines;
	struct buf body; /* of the leaf at work, as it stands, CRLF line ends */
	bool has_leaf;
	struct mime_part leaf;
	size_t divided; /* the multipart whose boundary was crossed last */
	struct buf *out;
	bool long_line; /* anywhere outside of parts that must stay ... */
	bool eight_bit; /* ... and outside of headers */
};

static inline int hex_digit(char c)
{
	const char *digits = "0123456789ABCDEF", *at;

	at = c ? strchr(digits, toupper((unsigned char)c)) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* One line without its end. True: the end counts. */
static inline bool decode_quoted_line(struct span line, struct buf *out)
{
	while (line.len && strchr(" \t", line.at[line.len - 1]) && line.at[line.len - 1])
		line.len--;
	for (size_t i = 0; i < line.len; i++) {
		int high = i + 2 < line.len ? hex_digit(line.at[i + 1]) : -1;
		int low = i + 2 < line.len ? hex_digit(line.at[i + 2]) : -1;

		if (line.at[i] == '=' && i + 1 == line.len)
			return false;
		if (line.at[i] == '=' && high >= 0 && low >= 0) {
			assert(buf_append_byte(out, (char)(high * 16 + low)));
			i += 2;
		} else {
			assert(buf_append_byte(out, line.at[i]));
		}
	}
	return true;
}

static inline void decode_quoted(struct span body, struct buf *out)
{
	while (body.len) {
		const char *end = memmem(body.at, body.len, "\r\n", 2);
		struct span line = { body.at, end ? (size_t)(end - body.at) : body.len };
		bool hard = decode_quoted_line(line, out);

		if (hard && end)
			assert(buf_append_text(out, "\r\n"));
		body = span_after(body, line.len + (end ? 2 : 0));
	}
}

static inline void decode_base64(struct span body, struct buf *out)
{
	const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			      "0123456789+/";
	unsigned bits = 0, count = 0;

	for (size_t i = 0; i < body.len && body.at[i] != '='; i++) {
		const char *at = body.at[i] ? strchr(letters, body.at[i]) : NULL;

		if (!at)
			continue;
		bits = (bits << 6 | (unsigned)(at - letters)) & 0xFFFFFF;
		if (count++ % 4)
			assert(buf_append_byte(
				out, (char)(unsigned char)(bits >>
							   (6 - 2 * ((count - 1) % 4)))));
	}
}

static inline void end_leaf(struct reader *reader, bool at_boundary)
{
	struct span body = buf_span(&reader->body);

	if (!reader->has_leaf)
		return;
	reader->has_leaf = false;
	if (at_boundary && body.len >= 2 &&
	    memcmp(body.at + body.len - 2, "\r\n", 2) == 0)
		body.len -= 2;
	assert(buf_append_text(reader->out, PART_MARK));
	if (reader->leaf.encoding == ENCODING_QUOTED_PRINTABLE)
		decode_quoted(body, reader->out);
	else if (reader->leaf.encoding == ENCODING_BASE64)
		decode_base64(body, reader->out);
	else
		assert(buf_append_span(reader->out, body));
	buf_reset(&reader->body);
}

static inline void read_body(struct reader *reader, size_t part,
			     const struct text_line *line)
{
	const struct mime_part *at = &reader->walk.part;
	bool stays = at->number == part &&
		     (at->kind == MEDIA_SIGNED || at->kind == MEDIA_UNTOUCHABLE ||
		      at->encoding == ENCODING_PRIVATE);

	for (size_t i = 0; i < line->text.len && !stays; i++)
		reader->eight_bit = reader->eight_bit || !isascii(line->text.at[i]);
	reader->long_line = reader->long_line || (!stays && line_is_long(line));
	/* Text that readers ignore, unless no boundary was ever there. */
	if (at->number != part || reader->divided == part)
		return;
	reader->has_leaf = true;
	reader->leaf = *at;
	assert(buf_append_span(&reader->body, line->text));
	if (line->ended)
		assert(buf_append_text(&reader->body, "\r\n"));
}

static inline void read_line(struct reader *reader, const struct text_line *line)
{
	struct walk_step step = walk_line(&reader->walk, line);

	if (step.zone == WALK_BODY)
		read_body(reader, step.part, line);
	if (step.zone != WALK_BOUNDARY)
		return;
	reader->divided = step.part;
	/* What stood in front of a multipart's first boundary is no content. */
	if (reader->has_leaf && reader->leaf.number == step.part) {
		reader->has_leaf = false;
		buf_reset(&reader->body);
	}
	end_leaf(reader, true);
}

/* Appends to out. *seven_bit_out, *short_lines_out: so are all bodies that may be. */
static inline void decode_message(struct span message, struct buf *out,
				  bool *seven_bit_out, bool *short_lines_out)
{
	struct reader *reader = must_alloc(sizeof(*reader));
	struct text_line line;

	reader->out = out;
	reader->divided = NO_PART;
	reader->body = BUF_INIT(4 * message.len + 16);
	walk_init(&reader->walk);
	while (line_next(&reader->lines, &message, &line))
		read_line(reader, &line);
	if (line_last(&reader->lines, &line))
		read_line(reader, &line);
	end_leaf(reader, false);
	*seven_bit_out = !reader->eight_bit;
	*short_lines_out = !reader->long_line;
	walk_clear(&reader->walk);
	buf_clear(&reader->body);
	free(reader);
}

/* The message as it leaves, fed in pieces of that size. False: as it is. */
static inline bool convert_message(struct span message, const struct convert_need *need,
				   size_t piece, struct buf *out,
				   enum convert_left *left_out)
{
	struct converter *converter = converter_new(need);
	bool changes;

	for (size_t at = 0; at < message.len; at += piece)
		converter_look(converter,
			       (struct span){ message.at + at, message.len - at < piece
								       ? message.len - at
								       : piece });
	changes = converter_decide(converter);
	*left_out = converter_left(converter);
	converter_rewind(converter);
	for (size_t at = 0; at < message.len; at += piece)
		assert(converter_feed(
			converter,
			(struct span){ message.at + at, message.len - at < piece
								? message.len - at
								: piece },
			out));
	assert(converter_finish(converter, out));
	converter_free(converter);
	return changes;
}

#endif
