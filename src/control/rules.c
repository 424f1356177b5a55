#include "control/rules.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/number.h"

#define LINE_MAX_BYTES ((size_t)4096)

struct rules {
	const char *path;
	unsigned line;
	bool (*each)(void *ctx, struct span key, struct span data, struct err *err);
	void *ctx;
	struct err *err;
};

static bool wrong(const struct rules *rules, const char *what)
{
	return err_exit(rules->err, EX_CONFIG, "control/%s:%u: %s", rules->path,
			rules->line, what);
}

static bool too_long(const struct rules *rules)
{
	return wrong(rules, "line too long; split the rule");
}

static bool starts(struct span text, const char *word)
{
	return text.len >= strlen(word) && memcmp(text.at, word, strlen(word)) == 0;
}

static size_t find(struct span text, char mark)
{
	const char *at = text.len ? memchr(text.at, mark, text.len) : NULL;

	return at ? (size_t)(at - text.at) : text.len;
}

/* Keys are lower case; a whole IPv6 address has one spelling. */
static bool put(const struct rules *rules, struct span address, struct span data)
{
	char key[LINE_MAX_BYTES + 64];
	struct in6_addr ip;

	if (address.len >= sizeof(key))
		return too_long(rules);
	for (size_t i = 0; i < address.len; i++)
		key[i] = (char)tolower((unsigned char)address.at[i]);
	key[address.len] = '\0';
	if (find(address, ':') < address.len && inet_pton(AF_INET6, key, &ip) == 1 &&
	    inet_ntop(AF_INET6, &ip, key, INET6_ADDRSTRLEN))
		address.len = strlen(key);
	return rules->each(rules->ctx, (struct span){ key, address.len }, data,
			   rules->err);
}

/* Digits of a range's end; none count as 0, as in tcprules. */
static bool parse_end(struct span text, bool hexadecimal, unsigned *out)
{
	uint64_t value = 0;

	if (!hexadecimal) {
		if (text.len && !number_parse(text, UINT32_MAX, &value))
			return false;
		*out = (unsigned)value;
		return true;
	}
	for (size_t i = 0; i < text.len; i++) {
		const char *digits = "0123456789abcdef";
		const char *digit = strchr(digits, tolower((unsigned char)text.at[i]));

		if (!text.at[i] || !digit || i >= 4)
			return false;
		value = value * 16 + (unsigned)(digit - digits);
	}
	*out = (unsigned)value;
	return true;
}

/* LEFT bottom - top RIGHT, the numbers standing between two dots (or colons). */
static bool put_range(const struct rules *rules, struct span address, struct span data)
{
	bool is_v6 = find(address, ':') < address.len;
	char point = is_v6 ? ':' : '.', number[16];
	size_t dash = find(address, '-'), left = dash, right;
	unsigned bottom, top, most = is_v6 ? 0xffff : 255;
	AUTO_BUF key = BUF_INIT(LINE_MAX_BYTES + 32);

	while (left > 0 && address.at[left - 1] != point)
		left--;
	right = dash + 1 + find(span_after(address, dash + 1), point);
	if (!parse_end((struct span){ address.at + left, dash - left }, is_v6, &bottom) ||
	    !parse_end((struct span){ address.at + dash + 1, right - dash - 1 }, is_v6,
		       &top))
		return wrong(rules, "this range has no numbers; write it as 10.2-3. or "
				    "fc00-fdff:");
	if (top > most)
		top = most;
	for (; bottom <= top; bottom++) {
		snprintf(number, sizeof(number), is_v6 ? "%x" : "%u", bottom);
		buf_reset(&key);
		if (!buf_append(&key, address.at, left) ||
		    !buf_append_text(&key, number) ||
		    !buf_append_span(&key, span_after(address, right)))
			return too_long(rules);
		if (!put(rules, buf_span(&key), data))
			return false;
	}
	return true;
}

static bool put_rule(const struct rules *rules, struct span address, struct span data)
{
	bool is_range = find(address, '-') < address.len &&
			find(address, '=') == address.len &&
			find(address, '@') == address.len;

	return is_range ? put_range(rules, address, data) : put(rules, address, data);
}

/* ',VARIABLE="value"' off the front of *text, as "+VARIABLE=value\0". */
static bool take_variable(const struct rules *rules, struct span *text, struct buf *data)
{
	size_t equal = find(*text, '='), end;
	char quote;

	if (text->at[0] != ',' || equal + 1 >= text->len)
		return wrong(rules, "after allow or deny comes ,VARIABLE=\"value\"");
	quote = text->at[equal + 1];
	end = find(span_after(*text, equal + 2), quote);
	if (equal + 2 + end >= text->len)
		return wrong(rules, "a value has no closing quote");
	if (!buf_append_byte(data, '+') || !buf_append(data, text->at + 1, equal) ||
	    !buf_append(data, text->at + equal + 2, end) || !buf_append_byte(data, '\0'))
		return too_long(rules);
	*text = span_after(*text, equal + 2 + end + 1);
	return true;
}

/* Where the address ends: at the first colon, as in tcprules, or, where that leads to
 * neither word, at the first that does. */
static size_t address_length(struct span line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.at[i] == ':' && (starts(span_after(line, i + 1), "deny") ||
					  starts(span_after(line, i + 1), "allow")))
			return i;
	return find(line, ':');
}

static bool parse_line(const struct rules *rules, struct span line)
{
	AUTO_BUF data = BUF_INIT(LINE_MAX_BYTES);
	struct span address, rest;

	if (find(line, ':') == line.len)
		return true;
	if (line.len > LINE_MAX_BYTES)
		return too_long(rules);
	if (find(line, '\0') < line.len) /* it would end a variable early */
		return wrong(rules, "a NUL byte; write plain text");
	address = (struct span){ line.at, address_length(line) };
	rest = span_after(line, address.len + 1);
	if (starts(rest, "deny")) {
		if (!buf_append(&data, "D", 2))
			return too_long(rules);
		rest = span_after(rest, 4);
	} else if (starts(rest, "allow")) {
		rest = span_after(rest, 5);
	} else {
		return wrong(rules, "after the address comes :allow or :deny");
	}
	while (rest.len)
		if (!take_variable(rules, &rest, &data))
			return false;
	return put_rule(rules, address, buf_span(&data));
}

bool rules_parse(const char *path, struct span text,
		 bool (*each)(void *ctx, struct span key, struct span data,
			      struct err *err),
		 void *ctx, struct err *err)
{
	struct rules rules = { .path = path, .each = each, .ctx = ctx, .err = err };
	struct span line;

	while (span_cut(&text, '\n', &line)) {
		rules.line++;
		if (line.len && line.at[0] == '#')
			continue;
		while (line.len &&
		       (line.at[line.len - 1] == ' ' || line.at[line.len - 1] == '\t'))
			line.len--;
		if (!parse_line(&rules, line))
			return false;
	}
	return true;
}

char rules_next(struct span *data, struct span *variable_out, struct span *value_out)
{
	struct span piece;

	*variable_out = *value_out = (struct span){ "", 0 };
	if (find(*data, '\0') == data->len || !span_cut(data, '\0', &piece) || !piece.len)
		return 0;
	if (piece.at[0] == '+') {
		size_t equal = find(piece, '=');

		*value_out = span_after(piece, equal + 1);
		*variable_out = (struct span){ piece.at + 1, equal - 1 };
	}
	return piece.at[0];
}
