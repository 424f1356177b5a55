#include "mail/encoded_word.h"

#include <ctype.h>
#include <string.h>

#include "base/base64.h"

#define WORD_MAX ((size_t)1024) /* RFC 2047 2 says 75 */

enum charset {
	UTF8, /* and US-ASCII */
	LATIN1,
	LATIN9,
	WINDOWS,
	UNKNOWN,
};

/* charset: as it stands there, perhaps with "*language" behind. */
static enum charset charset_of(struct span name)
{
	static const struct {
		const char *name;
		enum charset charset;
	} known[] = { { "utf-8", UTF8 },         { "us-ascii", UTF8 },
		      { "utf8", UTF8 },          { "iso-8859-1", LATIN1 },
		      { "iso-8859-15", LATIN9 }, { "windows-1252", WINDOWS },
		      { "cp1252", WINDOWS } };
	const char *star = memchr(name.at, '*', name.len);

	if (star)
		name.len = (size_t)(star - name.at);
	for (size_t i = 0; i < LENGTH(known); i++)
		if (span_is_word(name, known[i].name))
			return known[i].charset;
	return UNKNOWN;
}

/* What differs from Latin-1: Windows' 0x80 to 0x9F (0: none), and eight of Latin-9. */
static unsigned code_of(enum charset charset, unsigned char byte)
{
	static const unsigned windows[32] = {
		0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
		0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
		0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
		0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178,
	};
	static const struct {
		unsigned char byte;
		unsigned code;
	} latin9[] = { { 0xA4, 0x20AC }, { 0xA6, 0x160 }, { 0xA8, 0x161 },
		       { 0xB4, 0x17D },  { 0xB8, 0x17E }, { 0xBC, 0x152 },
		       { 0xBD, 0x153 },  { 0xBE, 0x178 } };

	if (charset == WINDOWS && byte >= 0x80 && byte < 0xA0)
		return windows[byte - 0x80] ? windows[byte - 0x80] : '?';
	for (size_t i = 0; charset == LATIN9 && i < LENGTH(latin9); i++)
		if (latin9[i].byte == byte)
			return latin9[i].code;
	return byte;
}

/* Codes below 0x10000. */
static bool put_code(struct buf *out, unsigned code)
{
	char bytes[3];
	size_t len = 0;

	if (code < 0x80) {
		bytes[len++] = (char)code;
	} else if (code < 0x800) {
		bytes[len++] = (char)(0xC0 | code >> 6);
		bytes[len++] = (char)(0x80 | (code & 0x3F));
	} else {
		bytes[len++] = (char)(0xE0 | code >> 12);
		bytes[len++] = (char)(0x80 | (code >> 6 & 0x3F));
		bytes[len++] = (char)(0x80 | (code & 0x3F));
	}
	return buf_append(out, bytes, len);
}

static bool put_text(struct buf *out, enum charset charset, struct span text)
{
	bool fits = true;

	if (charset == UTF8)
		return buf_append_span(out, text);
	for (size_t i = 0; fits && i < text.len; i++)
		fits = put_code(out, code_of(charset, (unsigned char)text.at[i]));
	return fits;
}

static int hex(char digit)
{
	if (isdigit((unsigned char)digit))
		return digit - '0';
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* RFC 2047 4.2; false: it is none. */
static bool decode_q(struct span text, struct buf *out)
{
	bool fits = true;

	while (fits && text.len) {
		int high = text.len < 3 ? -1 : hex(text.at[1]);
		int low = text.len < 3 ? -1 : hex(text.at[2]);
		bool is_code = text.at[0] == '=';

		if (is_code && (high < 0 || low < 0))
			return false;
		if (is_code)
			fits = buf_append_byte(out,
					       (char)(unsigned char)(high * 16 + low));
		else if (text.at[0] == '_')
			fits = buf_append_byte(out, ' ');
		else
			fits = buf_append_byte(out, text.at[0]);
		text = span_after(text, is_code ? 3 : 1);
	}
	return fits;
}

/* An encoded word at the front of *rest: its bytes, and *rest goes behind it. False: none
 * is there, or not one that can be read. */
static bool take_word(struct span *rest, enum charset *charset_out, struct buf *bytes)
{
	struct span inside = span_after(*rest, 2), charset, encoding, text;
	const char *end;

	if (rest->len < 8 || memcmp(rest->at, "=?", 2) != 0 ||
	    !span_cut(&inside, '?', &charset) || !inside.at ||
	    !span_cut(&inside, '?', &encoding) || !inside.at)
		return false;
	end = memmem(inside.at, inside.len, "?=", 2);
	if (!end || (size_t)(end - rest->at) > WORD_MAX || encoding.len != 1)
		return false;
	text = (struct span){ inside.at, (size_t)(end - inside.at) };
	*charset_out = charset_of(charset);
	buf_reset(bytes);
	if (*charset_out == UNKNOWN ||
	    !(span_is_word(encoding, "q")   ? decode_q(text, bytes)
	      : span_is_word(encoding, "b") ? base64_decode(text, bytes)
					    : false))
		return false;
	*rest = span_after(*rest, (size_t)(end + 2 - rest->at));
	return true;
}

static struct span without_blanks(struct span text)
{
	while (text.len && (text.at[0] == ' ' || text.at[0] == '\t'))
		text = span_after(text, 1);
	return text;
}

bool encoded_words_decode(struct span text, struct buf *out)
{
	AUTO_BUF bytes = BUF_INIT(WORD_MAX);
	enum charset charset;
	bool after_word = false, fits = true;

	while (fits && text.len) {
		/* Blanks between two such words are none (RFC 2047 6.2). */
		struct span next = after_word ? without_blanks(text) : text;

		after_word = take_word(&next, &charset, &bytes);
		if (after_word) {
			fits = put_text(out, charset, buf_span(&bytes));
			text = next;
			continue;
		}
		fits = buf_append_byte(out, text.at[0]);
		text = span_after(text, 1);
	}
	return fits;
}
