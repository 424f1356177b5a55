/*
 * What decides in a reply.
 *
 * The first three digits of a line are its code. A reply ends with the first line whose
 * code is not followed by "-". The lines of a reply should all have the same code (RFC
 * 5321 4.2.1); if they differ, the code of the last line counts, since servers that put a
 * filter's words in front of their own verdict end with the verdict. A line without a
 * code in the middle of a reply is text of that reply: some filters print raw lines. At
 * the beginning of a reply it is not SMTP. A code out of range (050) is handed up as it
 * is: the conversation knows what was asked.
 *
 * The enhanced status is that of the first line that has one of the class of the code.
 */
#include "smtp/client_reply.h"

#include <ctype.h>
#include <stdio.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Appends what still fits, printable ASCII only. */
static void keep(struct smtp_client_reply *reply, struct span text)
{
	size_t used = strlen(reply->text);

	if (!text.len)
		return;
	if (used && used + 1 < sizeof(reply->text))
		reply->text[used++] = ' ';
	for (size_t i = 0; i < text.len && used + 1 < sizeof(reply->text); i++)
		reply->text[used++] =
			(char)(text.at[i] >= ' ' && text.at[i] <= '~' ? text.at[i] : '?');
	reply->text[used] = '\0';
}

/* digits = 1 to 3 digits; the length of `at`'s digits, 0 if it has none or more */
static size_t digits(struct span at)
{
	size_t len = 0;

	while (len < at.len && is_digit(at.at[len]))
		len++;
	return len <= 3 ? len : 0;
}

/* status = class "." subject "." detail (RFC 3463 2), of the same class as the code.
 * Returns its length in front of text, 0 if there is none. */
static size_t status_length(unsigned code, struct span text)
{
	size_t subject, detail, len;

	if (text.len < 5 || (unsigned)(text.at[0] - '0') != code / 100 ||
	    text.at[1] != '.')
		return 0;
	subject = digits(span_after(text, 2));
	len = 2 + subject;
	if (!subject || len >= text.len || text.at[len] != '.')
		return 0;
	detail = digits(span_after(text, len + 1));
	len += 1 + detail;
	if (!detail || (len < text.len && text.at[len] != ' '))
		return 0;
	return len;
}

/* reply-line = code [("-" / " ") text]; some servers write a tab or ":" behind the code.
 * "127.0.0.1 is listed" has none. */
static bool read_code(struct span line, unsigned *code_out)
{
	if (line.len < 3 || !is_digit(line.at[0]) || !is_digit(line.at[1]) ||
	    !is_digit(line.at[2]))
		return false;
	if (line.len > 3 && (line.at[3] == '.' || isalnum((unsigned char)line.at[3])))
		return false;
	*code_out = (unsigned)(line.at[0] - '0') * 100 +
		    (unsigned)(line.at[1] - '0') * 10 + (unsigned)(line.at[2] - '0');
	return true;
}

/* A code that is no verdict says nothing final (RFC 3463: X.5.0, protocol status). */
static void make_status(struct smtp_client_reply *reply)
{
	unsigned class = reply->code / 100;
	bool is_verdict = class == 2 || class == 4 || class == 5;

	snprintf(reply->status, sizeof(reply->status), "%u.%u.0", is_verdict ? class : 4,
		 is_verdict ? 0U : 5U);
}

/* The line's text, once its code is known. A status that stands in each line is kept
 * once. */
static void take_text(struct smtp_reply_reader *reader, struct span text)
{
	struct smtp_client_reply *reply = &reader->reply;
	size_t len = status_length(reply->code, text);

	if (len && reader->has_status) {
		if (span_is((struct span){ text.at, len }, reply->status))
			text = span_after(text, len);
	} else if (len) {
		snprintf(reply->status, sizeof(reply->status), "%.*s", (int)len, text.at);
		reader->has_status = true;
	}
	keep(reply, span_trim(text));
}

static enum smtp_reply_got take_line(struct smtp_reply_reader *reader, struct span line)
{
	struct smtp_client_reply *reply = &reader->reply;
	unsigned code;

	if (!read_code(line, &code)) {
		if (!reader->begun)
			return SMTP_REPLY_BROKEN;
		keep(reply, span_trim(line));
		return SMTP_REPLY_MORE;
	}
	if (!reader->begun)
		*reply = (struct smtp_client_reply){ 0 };
	if (!reader->begun || code / 100 != reply->code / 100)
		reader->has_status = false;
	reader->begun = true;
	reply->code = code;
	if (!reader->has_status)
		make_status(reply);
	take_text(reader, span_after(line, 4));
	return line.len > 3 && line.at[3] == '-' ? SMTP_REPLY_MORE : SMTP_REPLY_WHOLE;
}

/* What was read of it is kept: it may tell a person what answers there. */
static enum smtp_reply_got broken(struct smtp_reply_reader *reader,
				  struct smtp_client_reply *reply_out)
{
	reader->broken = true;
	*reply_out = (struct smtp_client_reply){ .status = "4.5.0" };
	keep(reply_out, reader->begun ? span_of(reader->reply.text)
				      : (struct span){ reader->line, reader->len });
	return SMTP_REPLY_BROKEN;
}

static enum smtp_reply_got end_line(struct smtp_reply_reader *reader)
{
	enum smtp_reply_got got;

	if (reader->len && reader->line[reader->len - 1] == '\r')
		reader->len--;
	got = take_line(reader, (struct span){ reader->line, reader->len });
	if (got != SMTP_REPLY_BROKEN)
		reader->len = 0;
	return got;
}

enum smtp_reply_got smtp_reply_read(struct smtp_reply_reader *reader, struct span *bytes,
				    struct smtp_client_reply *reply_out)
{
	while (!reader->broken && bytes->len) {
		char byte = bytes->at[0];
		enum smtp_reply_got got;

		*bytes = span_after(*bytes, 1);
		if (++reader->bytes > SMTP_REPLY_BYTES_MAX)
			return broken(reader, reply_out);
		if (byte != '\n') {
			if (reader->len < sizeof(reader->line))
				reader->line[reader->len++] = byte;
			continue;
		}
		got = end_line(reader);
		if (got == SMTP_REPLY_BROKEN)
			return broken(reader, reply_out);
		if (got == SMTP_REPLY_WHOLE) {
			reader->bytes = 0;
			reader->begun = false;
			*reply_out = reader->reply;
			return SMTP_REPLY_WHOLE;
		}
	}
	return reader->broken ? SMTP_REPLY_BROKEN : SMTP_REPLY_MORE;
}
