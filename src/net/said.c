#include "net/said.h"

#include <ctype.h>
#include <stdio.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void add_words(struct said *said, struct span words)
{
	size_t used = strlen(said->text);

	words = span_trim(words);
	if (used && words.len && used + 1 < sizeof(said->text))
		said->text[used++] = ' ';
	for (size_t i = 0; i < words.len && used + 1 < sizeof(said->text); i++)
		said->text[used++] =
			(char)(words.at[i] >= ' ' && words.at[i] <= '~' ? words.at[i]
									: '?');
	said->text[used] = '\0';
}

/* status-code = ("2" / "4" / "5") "." 1*3digit "." 1*3digit (RFC 3463 2). Its length, or
 * 0. */
static size_t status_len(struct span text)
{
	size_t len = 1;

	if (text.len < 5 || !strchr("245", text.at[0]))
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t digits = 0;

		if (len == text.len || text.at[len++] != '.')
			return 0;
		for (; len < text.len && is_digit(text.at[len]); len++)
			digits++;
		if (digits < 1 || digits > 3)
			return 0;
	}
	return len == text.len || text.at[len] == ' ' ? len : 0;
}

/* Reply-line = 3digit [ ("-" / SP) textstring ] (RFC 5321 4.2). */
bool said_smtp(struct said *said, struct span line)
{
	size_t len;

	if (!said->goes_on)
		*said = (struct said){ 0 };
	if (line.len < 3 || !is_digit(line.at[0]) || !is_digit(line.at[1]) ||
	    !is_digit(line.at[2]) || (line.len > 3 && !strchr(" -", line.at[3]))) {
		add_words(said, line);
		return false;
	}
	said->code = (unsigned)((line.at[0] - '0') * 100 + (line.at[1] - '0') * 10 +
				(line.at[2] - '0'));
	said->is_refusal = said->code >= 400;
	said->goes_on = line.len > 3 && line.at[3] == '-';
	line = span_after(line, 4);
	len = status_len(line);
	if (len && len < sizeof(said->status) && !said->status[0])
		snprintf(said->status, sizeof(said->status), "%.*s", (int)len, line.at);
	add_words(said, span_after(line, len));
	return true;
}

void said_words(struct said *said, struct span line, bool is_refusal)
{
	*said = (struct said){ .is_refusal = is_refusal };
	add_words(said, line);
}

const char *said_story(const struct said *said, char *out, size_t room)
{
	int used = said->code ? snprintf(out, room, "%u ", said->code) : 0;

	snprintf(out + used, room - (size_t)used, "%s%s%s", said->status,
		 said->status[0] ? " " : "", said->text);
	return out;
}
