/* What the server says until libcurl is done, line by line. */
#include "net/dial_private.h"

static void keep_line(char out[DIAL_LINE_MAX], struct span line)
{
	size_t used = 0;

	for (; used < line.len && used + 1 < DIAL_LINE_MAX; used++)
		out[used] = (char)(line.at[used] >= ' ' && line.at[used] <= '~'
					   ? line.at[used]
					   : '?');
	out[used] = '\0';
}

static bool keep_offer(struct buf *offer, struct span line)
{
	return buf_append_span(offer, line) && buf_append_byte(offer, '\n');
}

static void greet(struct dial *dial, struct span line)
{
	if (dial->try.greeting[0])
		return;
	keep_line(dial->try.greeting, line);
	dial_enter(dial, DIAL_AT_EHLO);
}

/* Something else answers at this port: a portal's web server, POP3. */
static bool hear_foreign(struct dial *dial, struct span line)
{
	dial->try.is_foreign = true;
	said_words(&dial->try.said, line, true);
	return false;
}

/* Only a list's lines begin with neither. That of CAPA is the only one before the login.
 */
static bool hear_pop3(struct dial *dial, struct span line)
{
	if (strncmp(line.at, "-ERR", 4) == 0) {
		said_words(&dial->try.said, line, true);
	} else if (strncmp(line.at, "+OK", 3) == 0) {
		said_words(&dial->try.said, line, false);
		greet(dial, line);
		dial->try.in_list = true;
	} else if (!dial->try.greeting[0]) {
		return hear_foreign(dial, line);
	} else if (dial->try.in_list && line.at[0] != '+') {
		return keep_offer(&dial->offer, line);
	}
	return true;
}

/* "CAPABILITY words", or the same in brackets at the start of an OK's text. Before the
 * login it is told as an answer to libcurl; after it, if the server wants to. */
static bool keep_capability(struct dial *dial, struct span text)
{
	static const char name[] = "CAPABILITY ";
	size_t len = sizeof(name) - 1;
	struct buf *offer = dial->try.stage == DIAL_AT_AUTH ? &dial->ehlo : &dial->offer;
	struct span words = text;

	if (text.len && text.at[0] == '[' && span_cut(&text, ']', &words))
		words = span_after(words, 1);
	if (words.len < len || strncasecmp(words.at, name, len) != 0)
		return true;
	buf_reset(offer);
	return keep_offer(offer, span_after(words, len));
}

/* tag SP ("OK" / "NO" / "BAD") SP text; "*" and "+" are tags too. */
static bool hear_imap(struct dial *dial, struct span line)
{
	struct span rest = line, tag, word;
	bool untagged;

	if (!span_cut(&rest, ' ', &tag) || !rest.at)
		return dial->try.greeting[0] || hear_foreign(dial, line);
	untagged = span_is(tag, "*");
	if (!untagged && !dial->try.greeting[0])
		return hear_foreign(dial, line);
	if (untagged)
		greet(dial, rest);
	line = rest;
	if (untagged && strncasecmp(rest.at, "CAPABILITY ", 11) == 0)
		return keep_capability(dial, rest);
	if (!span_cut(&rest, ' ', &word))
		return true;
	if (span_is_word(word, "BYE") ||
	    (!untagged && !span_is(tag, "+") && !span_is_word(word, "OK")))
		said_words(&dial->try.said, line, true);
	else if (!untagged)
		said_words(&dial->try.said, line, false);
	dial->try.is_let_in |= untagged && span_is_word(word, "PREAUTH");
	return untagged || !rest.at || !span_is_word(word, "OK") ||
	       keep_capability(dial, rest);
}

void dial_hear_imap(struct dial *dial, struct span line)
{
	/* More words than there is room for are those of another server: none is
	 * believed. */
	if (!hear_imap(dial, line))
		buf_reset(&dial->ehlo);
}

/* Only the last EHLO counts: what was offered before TLS may be an attacker's. */
static bool hear_smtp(struct dial *dial, struct span line)
{
	bool first = !dial->try.greeting[0], continues = dial->try.said.goes_on;

	if (!said_smtp(&dial->try.said, line))
		return !first || hear_foreign(dial, line);
	if (dial->try.said.code == 220) {
		if (first)
			greet(dial, line);
		else if (!continues && dial->try.stage == DIAL_AT_EHLO)
			dial_enter(dial, DIAL_AT_TLS);
		buf_reset(&dial->offer);
	} else if (dial->try.said.code == 250) {
		return keep_offer(&dial->offer, line);
	} else if (dial->try.said.is_refusal) {
		/* EHLO refused: what follows answers HELO and offers nothing. */
		buf_reset(&dial->offer);
	}
	return true;
}

size_t dial_hear(const char *bytes, size_t size, size_t count, void *ctx)
{
	struct dial *dial = ctx;
	struct span line = span_trim((struct span){ bytes, size * count });
	bool kept = true;

	if (line.len < 3 && (dial->try.greeting[0] || !line.len))
		return size * count;
	switch (dial->protocol) {
	case DIAL_SMTP:
		kept = hear_smtp(dial, line);
		break;
	case DIAL_POP3:
		kept = line.len < 3 || hear_pop3(dial, line);
		break;
	case DIAL_IMAP:
		kept = line.len < 3 || hear_imap(dial, line);
		break;
	case DIAL_QMTP:
		break;
	}
	return kept ? size * count : 0;
}
