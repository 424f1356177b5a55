#include "mime/recoder.h"

#define QUOTED_COLUMNS 75  /* and a "=" behind it: RFC 2045 6.7 (5) */
#define BASE64_COLUMNS 76  /* 6.8 */
#define REPAIR_COLUMNS 990 /* a line that is short enough stays as it is */
#define ROOM_A_LINE    (4 * (size_t)LINE_PIECE_MAX + 64) /* also where all is escaped */

static const char letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *put_soft_break(struct recoder *recoder, char *to)
{
	*to++ = '=';
	*to++ = '\n';
	recoder->column = 0;
	return to;
}

static char *put_escape(struct recoder *recoder, unsigned char byte, char *to)
{
	static const char digits[] = "0123456789ABCDEF";

	*to++ = '=';
	*to++ = digits[byte >> 4];
	*to++ = digits[byte & 15];
	recoder->column += 3;
	return to;
}

/* A line that begins with "--", or might. */
static bool begins_like_a_boundary(const struct recoder *recoder,
				   const struct text_line *line, size_t at)
{
	if (recoder->column || line->text.at[at] != '-')
		return false;
	return at + 1 < line->text.len ? line->text.at[at + 1] == '-' : line->more;
}

static bool is_quoted_plain(unsigned char byte, bool is_last)
{
	if (byte == ' ' || byte == '\t')
		return !is_last; /* what ends a line in blanks loses them */
	return byte > 32 && byte < 127 && byte != '=';
}

static char *quote(struct recoder *recoder, const struct text_line *line, char *to)
{
	for (size_t i = 0; i < line->text.len; i++) {
		unsigned char byte = (unsigned char)line->text.at[i];
		bool plain = is_quoted_plain(byte, i + 1 == line->text.len);

		if (recoder->column + (plain ? 1 : 3) > QUOTED_COLUMNS)
			to = put_soft_break(recoder, to);
		if (!plain || begins_like_a_boundary(recoder, line, i)) {
			to = put_escape(recoder, byte, to);
		} else {
			*to++ = (char)byte;
			recoder->column++;
		}
	}
	return to;
}

/* An "=" and its two digits are never parted. */
static char *repair_quoted(struct recoder *recoder, const struct text_line *line,
			   char *to)
{
	for (size_t i = 0; i < line->text.len; i++) {
		unsigned char byte = (unsigned char)line->text.at[i];
		bool may_break = byte == '=' || !recoder->in_escape;
		bool stray = byte > 127;

		if (may_break && recoder->column + 3 > REPAIR_COLUMNS)
			to = put_soft_break(recoder, to);
		if (stray || begins_like_a_boundary(recoder, line, i)) {
			to = put_escape(recoder, byte, to);
		} else {
			*to++ = (char)byte;
			recoder->column++;
		}
		if (byte == '=')
			recoder->in_escape = 2;
		else if (recoder->in_escape)
			recoder->in_escape--;
	}
	if (!line->more)
		recoder->in_escape = 0;
	return to;
}

static char *put_letter(struct recoder *recoder, char letter, char *to)
{
	if (recoder->column == BASE64_COLUMNS) {
		*to++ = '\n';
		recoder->column = 0;
	}
	*to++ = letter;
	recoder->column++;
	return to;
}

/* The held bytes as four letters, "=" for each that is missing. */
static char *put_group(struct recoder *recoder, char *to)
{
	unsigned char *held = recoder->held;
	size_t len = recoder->held_len;
	unsigned bits;

	memset(held + len, 0, sizeof(recoder->held) - len);
	bits = (unsigned)held[0] << 16 | (unsigned)held[1] << 8 | held[2];
	for (size_t i = 0; i < 4; i++) {
		char letter = letters[bits >> (18 - 6 * i) & 63];

		if (i > len)
			letter = '=';
		to = put_letter(recoder, letter, to);
	}
	recoder->held_len = 0;
	return to;
}

static char *put_bytes(struct recoder *recoder, struct span bytes, char *to)
{
	for (size_t i = 0; i < bytes.len; i++) {
		recoder->held[recoder->held_len++] = (unsigned char)bytes.at[i];
		if (recoder->held_len == sizeof(recoder->held))
			to = put_group(recoder, to);
	}
	return to;
}

static char *put_owed_line_end(struct recoder *recoder, char *to)
{
	if (recoder->owes_line_end)
		to = put_bytes(recoder, (struct span){ "\r\n", 2 }, to);
	recoder->owes_line_end = false;
	return to;
}

static char *put_base64(struct recoder *recoder, const struct text_line *line, char *to)
{
	to = put_owed_line_end(recoder, to);
	to = put_bytes(recoder, line->text, to);
	recoder->owes_line_end = line->ended;
	return to;
}

static char *repair_base64(struct recoder *recoder, struct span text, char *to)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] == '=' || (text.at[i] && strchr(letters, text.at[i])))
			to = put_letter(recoder, text.at[i], to);
	return to;
}

static char *put_as_it_is(const struct text_line *line, char *to)
{
	memcpy(to, line->text.at, line->text.len);
	to += line->text.len;
	if (line->ended_cr)
		*to++ = '\r';
	return to;
}

bool recoder_line(struct recoder *recoder, const struct text_line *line, struct buf *out)
{
	char *start = buf_reserve(out, ROOM_A_LINE), *to = start;
	bool ends = line->ended;

	if (!start)
		return false;
	switch (recoder->how) {
	case RECODE_NOTHING:
		to = put_as_it_is(line, to);
		break;
	case RECODE_QUOTED_PRINTABLE:
		to = quote(recoder, line, to);
		break;
	case RECODE_BASE64:
		to = put_base64(recoder, line, to);
		ends = false;
		break;
	case REPAIR_QUOTED_PRINTABLE:
		to = repair_quoted(recoder, line, to);
		break;
	case REPAIR_BASE64:
		to = repair_base64(recoder, line->text, to);
		ends = ends && recoder->column; /* no empty lines */
		break;
	}
	if (ends) {
		*to++ = '\n';
		recoder->column = 0;
	}
	buf_wrote(out, (size_t)(to - start));
	return true;
}

bool recoder_end(struct recoder *recoder, bool at_boundary, struct buf *out)
{
	char *start = buf_reserve(out, ROOM_A_LINE), *to = start;

	if (!start)
		return false;
	if (recoder->how == RECODE_BASE64) {
		if (!at_boundary)
			to = put_owed_line_end(recoder, to);
		if (recoder->held_len)
			to = put_group(recoder, to);
		if (recoder->column)
			*to++ = '\n';
	}
	buf_wrote(out, (size_t)(to - start));
	*recoder = (struct recoder){ .how = RECODE_NOTHING };
	return true;
}
