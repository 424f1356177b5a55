#include "verdict/reply_tokens.h"

#include "base/number.h"

#define SECONDS_MAX ((uint64_t)366 * 86400)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_one_of(const char *marks, char c)
{
	return c && strchr(marks, c);
}

static bool is_word_byte(char c)
{
	return is_digit(c) || is_upper(c) || is_lower(c) || c == '*';
}

static void put(struct reply_tokens *tokens, char byte)
{
	if (tokens->used < sizeof(tokens->bytes))
		tokens->bytes[tokens->used++] = byte;
}

/* The letters of UTF-8's C3 80 to C3 BF without their accents; "_" is no letter. */
static void put_folded(struct reply_tokens *tokens, unsigned char second)
{
	static const char bases[] = "AAAAAAACEEEEIIIIDNOOOOO_OUUUUYTs"
				    "aaaaaaaceeeeiiiidnooooo_ouuuuyty";

	put(tokens, bases[second & 0x3f]);
	if (second == 0x9f) /* sharp s */
		put(tokens, 's');
}

/* "doesn't" and "user's" are one word; the apostrophe of "d'une" parts two. */
static bool is_inner_apostrophe(struct span rest)
{
	return rest.at[0] == '\'' && rest.len > 1 && is_one_of("tTsS", rest.at[1]) &&
	       (rest.len == 2 || !is_word_byte(rest.at[2]));
}

static void fold(struct reply_tokens *tokens, struct span text)
{
	while (text.len && tokens->used < sizeof(tokens->bytes)) {
		char byte = text.at[0];
		size_t bytes = 1;

		if ((unsigned char)byte == 0xc3 && text.len > 1 &&
		    ((unsigned char)text.at[1] & 0xc0) == 0x80) {
			put_folded(tokens, (unsigned char)text.at[1]);
			bytes = 2;
		} else if (!is_inner_apostrophe(text)) {
			if (byte <= ' ' || byte > '~')
				byte = ' ';
			put(tokens, byte);
		}
		text = span_after(text, bytes);
	}
}

static bool begins_link(struct span text)
{
	static const char *const begins[] = { "http://", "https://", "www." };

	for (size_t i = 0; i < LENGTH(begins); i++) {
		size_t len = strlen(begins[i]);

		if (text.len > len && strncasecmp(text.at, begins[i], len) == 0)
			return true;
	}
	return false;
}

/* What stands between blanks and brackets: a word, an address, a URL with all its
 * parameters. */
static bool next_piece(struct span *text, struct span *piece_out)
{
	static const char brackets[] = " <>()[]{}\"|", ends[] = " <>()[]{}\"|,;=";
	const char *stops = ends;
	size_t len = 0;

	while (text->len && is_one_of(ends, text->at[0]))
		*text = span_after(*text, 1);
	if (begins_link(*text))
		stops = brackets;
	while (len < text->len && !is_one_of(stops, text->at[len]))
		len++;
	*piece_out = (struct span){ text->at, len };
	*text = span_after(*text, len);
	return len != 0;
}

static bool is_address(struct span piece)
{
	const char *at = memchr(piece.at, '@', piece.len);

	return at && at != piece.at && at + 1 < piece.at + piece.len;
}

/* digits = 1 to `most` digits. False if there are none, or more. */
static bool skip_digits(struct span *text, size_t most)
{
	size_t len = 0;

	while (len < text->len && is_digit(text->at[len]))
		len++;
	*text = span_after(*text, len);
	return len >= 1 && len <= most;
}

/* Three or four groups of digits with `mark` between, as in 192.0.2.1 and 00:05:00. */
static bool is_digit_groups(struct span piece, char mark, unsigned groups, size_t most)
{
	for (unsigned i = 0; i < groups; i++) {
		if (i && (!piece.len || piece.at[0] != mark))
			return false;
		piece = span_after(piece, i ? 1 : 0);
		if (!skip_digits(&piece, most))
			return false;
	}
	return piece.len == 0 || (mark == '.' && piece.at[0] == ':');
}

static bool is_ip6(struct span piece)
{
	size_t colons = 0;

	for (size_t i = 0; i < piece.len; i++) {
		if (piece.at[i] == ':')
			colons++;
		else if (!is_hex(piece.at[i]))
			return false;
	}
	return colons >= 3 || (colons == 2 && memmem(piece.at, piece.len, "::", 2));
}

static struct span without_marks(struct span piece)
{
	while (piece.len && is_one_of(".:!?'", piece.at[piece.len - 1]))
		piece.len--;
	while (piece.len && is_one_of("'#.", piece.at[0]))
		piece = span_after(piece, 1);
	return piece;
}

static void add(struct reply_tokens *tokens, enum reply_token_kind kind, struct span text)
{
	if (tokens->count < REPLY_TOKENS_MAX)
		tokens->at[tokens->count++] = (struct reply_token){ kind, text };
}

/* "SendAs" is two words, "SMTP" and "iCloud" begin where they begin. */
static bool parts_here(const char *at, size_t len)
{
	return len > 1 && is_upper(at[len]) && is_lower(at[len - 1]);
}

bool reply_tokens_next_word(struct span *text, struct span *word_out)
{
	size_t len = 0;

	while (text->len && !is_word_byte(text->at[0]))
		*text = span_after(*text, 1);
	while (len < text->len && is_word_byte(text->at[len]) &&
	       (len == 0 || !parts_here(text->at, len)))
		len++;
	*word_out = (struct span){ text->at, len };
	*text = span_after(*text, len);
	return len != 0;
}

static bool is_number(struct span word)
{
	return skip_digits(&word, word.len) && !word.len;
}

static void add_words(struct reply_tokens *tokens, struct span piece, bool is_link)
{
	struct span word;

	while (reply_tokens_next_word(&piece, &word)) {
		enum reply_token_kind kind = is_link           ? REPLY_LINK
					     : is_number(word) ? REPLY_NUMBER
							       : REPLY_WORD;

		add(tokens, kind, word);
	}
}

/* What is no URL; "IP:192.0.2.1" is two pieces, "2001:db8::1" and "00:05:00" are one. */
static void add_piece(struct reply_tokens *tokens, struct span piece)
{
	struct span part;

	while (piece.len) {
		part = without_marks(piece);
		piece = span_of("");
		if (is_digit_groups(part, '.', 4, 3) || is_ip6(part)) {
			add(tokens, REPLY_IP, span_of(""));
		} else if (is_digit_groups(part, ':', 3, 2)) {
			add(tokens, REPLY_CLOCK, part);
		} else if (is_address(part)) {
			add(tokens, REPLY_ADDRESS, part);
		} else {
			piece = part;
			if (!span_cut(&piece, ':', &part) || !piece.at)
				piece = span_of("");
			add_words(tokens, part, false);
		}
	}
}

static void lower(char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (is_upper(bytes[i]))
			bytes[i] = (char)(bytes[i] - 'A' + 'a');
}

void reply_tokens_read(struct reply_tokens *tokens, struct span text)
{
	struct span rest, piece;

	tokens->count = tokens->used = 0;
	fold(tokens, text);
	rest = (struct span){ tokens->bytes, tokens->used };
	while (next_piece(&rest, &piece)) {
		if (begins_link(piece))
			add_words(tokens, piece, true);
		else
			add_piece(tokens, piece);
	}
	lower(tokens->bytes, tokens->used);
}

/* Words for units in the languages that servers were heard to speak; a stem matches what
 * begins so. */
static const struct {
	const char *word;
	bool is_stem;
	uint32_t seconds;
} units[] = {
	{ "s", false, 1 },        { "sec", true, 1 },      { "sek", true, 1 },
	{ "seg", true, 1 },       { "m", false, 60 },      { "min", true, 60 },
	{ "h", false, 3600 },     { "hr", true, 3600 },    { "hour", true, 3600 },
	{ "stunde", true, 3600 }, { "heure", true, 3600 }, { "hora", true, 3600 },
	{ "d", false, 86400 },    { "day", true, 86400 },  { "tag", true, 86400 },
	{ "jour", true, 86400 },  { "dia", true, 86400 },
};

/* 0: the word is no unit. */
static uint32_t unit_seconds(struct span word)
{
	for (size_t i = 0; i < LENGTH(units); i++) {
		size_t len = strlen(units[i].word);

		if (word.len >= len && memcmp(word.at, units[i].word, len) == 0 &&
		    (word.len == len || units[i].is_stem))
			return units[i].seconds;
	}
	return 0;
}

static bool is_article(struct span word)
{
	static const char *const articles[] = { "a",   "an",  "one",  "un",
						"une", "una", "eine", "einer" };

	for (size_t i = 0; i < LENGTH(articles); i++)
		if (span_is(word, articles[i]))
			return true;
	return false;
}

static bool multiply(struct span digits, uint32_t unit_s, uint32_t *seconds_out)
{
	uint64_t count;

	if (!unit_s || !number_parse(digits, SECONDS_MAX / unit_s, &count))
		return false;
	*seconds_out = (uint32_t)(count * unit_s);
	return true;
}

static uint32_t clock_seconds(struct span text)
{
	uint64_t part, seconds = 0;
	struct span digits;

	while (span_cut(&text, ':', &digits))
		if (number_parse(digits, 99, &part))
			seconds = seconds * 60 + part;
	return (uint32_t)seconds;
}

size_t reply_tokens_time(const struct reply_tokens *tokens, size_t at,
			 uint32_t *seconds_out)
{
	struct span word, unit = span_of("");
	size_t digits = 0;

	if (at >= tokens->count)
		return 0;
	word = tokens->at[at].text;
	if (tokens->at[at].kind == REPLY_CLOCK) {
		*seconds_out = clock_seconds(word);
		return 1;
	}
	if (at + 1 < tokens->count && tokens->at[at + 1].kind == REPLY_WORD)
		unit = tokens->at[at + 1].text;
	if (tokens->at[at].kind == REPLY_NUMBER)
		return multiply(word, unit_seconds(unit), seconds_out) ? 2 : 0;
	if (tokens->at[at].kind != REPLY_WORD)
		return 0;
	if (is_article(word))
		return multiply(span_of("1"), unit_seconds(unit), seconds_out) ? 2 : 0;
	while (digits < word.len && is_digit(word.at[digits]))
		digits++;
	return multiply((struct span){ word.at, digits },
			unit_seconds(span_after(word, digits)), seconds_out)
		       ? 1
		       : 0;
}
