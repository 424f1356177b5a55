#include "mail/quoted.h"

#include <inttypes.h>

#include "mail/address.h"
#include "mail/utf8.h"

#define LINE_BYTES 990 /* RFC 5322 2.1.1 says 998 */

bool quoted_has_high(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] >= 128)
			return true;
	return false;
}

bool quoted_words(struct buf *out, struct span text, size_t max, bool high)
{
	struct span rest = text;
	size_t len;
	uint32_t code;
	bool fits = true;

	for (; fits && rest.len; rest = span_after(rest, len)) {
		len = utf8_take(rest, &code);
		if ((size_t)(rest.at - text.at) + len > max)
			return buf_append_text(out, "...");
		if (len == 1 && (code < 32 || code == 127))
			fits = buf_append_byte(out, ' ');
		else if (len == 1 || (len && high && code >= 160))
			fits = buf_append(out, rest.at, len);
		else
			fits = buf_append_byte(out, '?');
		len += !len;
	}
	return fits;
}

bool quoted_address(struct buf *out, const char *address, bool high)
{
	AUTO_BUF quoted = BUF_INIT(ADDRESS_WIRE_MAX);

	return address_append(&quoted, address) &&
	       quoted_words(out, buf_span(&quoted), ADDRESS_MAX, high);
}

bool quoted_address_escaped(struct buf *out, const char *address)
{
	const char *at = address;
	uint32_t code;
	size_t len;

	for (; *at; at += len) {
		len = utf8_take(span_of(at), &code);
		if (len < 2 ? !quoted_words(out, (struct span){ at, len = 1 }, 1, false)
			    : !buf_appendf(out, "\\x{%04" PRIX32 "}", code))
			return false;
	}
	return true;
}

/* As much as a line may hold, whole characters. */
static size_t line_piece(struct span line)
{
	size_t len = LINE_BYTES;

	if (line.len <= len)
		return line.len;
	while (len > LINE_BYTES - 4 && ((unsigned char)line.at[len] & 0xC0) == 0x80)
		len--;
	return len;
}

bool quoted_header(struct buf *out, struct span header, bool high)
{
	struct span line;
	size_t len;

	while (header.len && span_cut(&header, '\n', &line)) {
		if (line.len && line.at[line.len - 1] == '\r')
			line.len--;
		if (!line.len)
			break; /* what follows is the body */
		for (; line.len; line = span_after(line, len)) {
			len = line_piece(line);
			if (!quoted_words(out, (struct span){ line.at, len }, len,
					  high) ||
			    !buf_append_text(out, len < line.len ? "\n " : "\n"))
				return false;
		}
	}
	return true;
}
