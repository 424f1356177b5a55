#include "smtp/client_reply.h"

#include <stdio.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Appends what still fits, printable ASCII only. */
static void keep(struct smtp_client_reply *reply, struct span text)
{
	size_t used = strlen(reply->text);

	if (used && used + 1 < sizeof(reply->text))
		reply->text[used++] = ' ';
	for (size_t i = 0; i < text.len && used + 1 < sizeof(reply->text); i++)
		reply->text[used++] =
			(char)(text.at[i] >= ' ' && text.at[i] <= '~' ? text.at[i] : '?');
	reply->text[used] = '\0';
}

/* digits = 1 to 3 digits; the length of `at`'s digits, 0 where it has none or more */
static size_t digits(struct span at)
{
	size_t len = 0;

	while (len < at.len && is_digit(at.at[len]))
		len++;
	return len <= 3 ? len : 0;
}

/* status = class "." subject "." detail (RFC 3463 2), of the same class as the code.
 * Returns its length in front of text, 0 where there is none. */
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

/* reply-line = code [("-" / " ") text]; all lines of a reply have the same code. */
static enum smtp_reply_got take_line(struct smtp_reply_reader *reader, struct span line)
{
	struct smtp_client_reply *reply = &reader->reply;
	unsigned code;
	size_t status;

	if (line.len < 3 || !is_digit(line.at[0]) || !is_digit(line.at[1]) ||
	    !is_digit(line.at[2]) ||
	    (line.len > 3 && line.at[3] != ' ' && line.at[3] != '-'))
		return SMTP_REPLY_BROKEN;
	code = (unsigned)(line.at[0] - '0') * 100 + (unsigned)(line.at[1] - '0') * 10 +
	       (unsigned)(line.at[2] - '0');
	if (code < 200 || code > 599 || (reader->lines && code != reply->code) ||
	    reader->lines == SMTP_REPLY_LINES_MAX)
		return SMTP_REPLY_BROKEN;
	if (!reader->lines) {
		*reply = (struct smtp_client_reply){ .code = code };
		snprintf(reply->status, sizeof(reply->status), "%u.0.0", code / 100);
	}
	status = status_length(code, span_after(line, 4));
	if (status)
		snprintf(reply->status, sizeof(reply->status), "%.*s", (int)status,
			 line.at + 4);
	/* A continued reply repeats the status in each line: once is enough. */
	keep(reply,
	     span_trim(span_after(line, reader->lines && status ? 4 + status : 4)));
	reader->lines++;
	return line.len > 3 && line.at[3] == '-' ? SMTP_REPLY_MORE : SMTP_REPLY_WHOLE;
}

static enum smtp_reply_got broken(struct smtp_reply_reader *reader)
{
	reader->broken = true;
	return SMTP_REPLY_BROKEN;
}

enum smtp_reply_got smtp_reply_read(struct smtp_reply_reader *reader, struct span *bytes,
				    struct smtp_client_reply *reply_out)
{
	while (!reader->broken && bytes->len) {
		char byte = bytes->at[0];
		struct span line;
		enum smtp_reply_got got;

		*bytes = span_after(*bytes, 1);
		if (byte != '\n') {
			if (reader->len == sizeof(reader->line))
				return broken(reader);
			reader->line[reader->len++] = byte;
			continue;
		}
		line = (struct span){ reader->line, reader->len };
		if (line.len && line.at[line.len - 1] == '\r')
			line.len--;
		reader->len = 0;
		got = take_line(reader, line);
		if (got == SMTP_REPLY_BROKEN)
			return broken(reader);
		if (got == SMTP_REPLY_WHOLE) {
			reader->lines = 0;
			*reply_out = reader->reply;
			return SMTP_REPLY_WHOLE;
		}
	}
	return reader->broken ? SMTP_REPLY_BROKEN : SMTP_REPLY_MORE;
}
