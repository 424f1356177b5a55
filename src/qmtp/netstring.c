#include "qmtp/netstring.h"

#include <inttypes.h>

#define DIGITS_MAX 13 /* of NETSTRING_LENGTH_MAX */

enum netstring_got netstring_head_read(struct netstring_head *head, struct span *bytes,
				       uint64_t *length_out)
{
	while (bytes->len) {
		char c = bytes->at[0];

		*bytes = span_after(*bytes, 1);
		if (c == ':' && head->digits) {
			*length_out = head->length;
			*head = (struct netstring_head){ 0 };
			return NETSTRING_WHOLE;
		}
		/* A zero stands alone: each length has one way to be written. */
		if (c < '0' || c > '9' || head->digits == DIGITS_MAX ||
		    (head->digits && !head->length))
			return NETSTRING_BROKEN;
		head->digits++;
		head->length = head->length * 10 + (uint64_t)(c - '0');
		if (head->length > NETSTRING_LENGTH_MAX)
			return NETSTRING_BROKEN;
	}
	return NETSTRING_MORE;
}

static void keep(struct netstring_reader *reader, struct span *bytes)
{
	struct span piece = *bytes;

	if (piece.len > reader->left)
		piece.len = (size_t)reader->left;
	*bytes = span_after(*bytes, piece.len);
	reader->left -= piece.len;
	if (!buf_append_span(&reader->text, piece))
		reader->is_cut = true;
}

enum netstring_got netstring_read(struct netstring_reader *reader, struct span *bytes)
{
	if (reader->is_whole) {
		reader->is_whole = reader->is_cut = false;
		buf_reset(&reader->text);
	}
	if (!reader->in_text) {
		enum netstring_got got =
			netstring_head_read(&reader->head, bytes, &reader->left);

		if (got != NETSTRING_WHOLE)
			return got;
		reader->in_text = true;
	}
	keep(reader, bytes);
	if (reader->left || !bytes->len)
		return NETSTRING_MORE;
	if (bytes->at[0] != ',')
		return NETSTRING_BROKEN;
	*bytes = span_after(*bytes, 1);
	reader->in_text = false;
	reader->is_whole = true;
	return NETSTRING_WHOLE;
}

bool netstring_put(struct buf *out, struct span text)
{
	size_t before = out->len;

	if (buf_appendf(out, "%zu:", text.len) && buf_append_span(out, text) &&
	    buf_append_byte(out, ','))
		return true;
	buf_cut(out, before);
	return false;
}

size_t netstring_size(size_t text_len)
{
	size_t digits = 1;

	for (size_t rest = text_len; rest >= 10; rest /= 10)
		digits++;
	return digits + text_len + 2;
}
