#include "imap/fetch.h"

#include "base/attr.h"
#include "base/number.h"

#define OCTETS_MAX ((uint64_t)1 << 50)
#define DEPTH_MAX  32

enum token {
	TOKEN_END, /* of the line */
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_ATOM,
	TOKEN_QUOTED,
	TOKEN_LITERAL,
	TOKEN_BROKEN,
};

/* The text between the quotes, its backslashes still there. */
static enum token take_quoted(struct span *line, struct span *text_out)
{
	size_t end = 1;

	while (end < line->len && line->at[end] != '"')
		end += line->at[end] == '\\' ? 2 : 1;
	if (end >= line->len)
		return TOKEN_BROKEN;
	*text_out = (struct span){ line->at + 1, end - 1 };
	*line = span_after(*line, end + 1);
	return TOKEN_QUOTED;
}

/* {N} or {N+}, the last thing in a line. */
static enum token take_literal(struct span *line, struct span *text_out)
{
	if (line->at[line->len - 1] != '}')
		return TOKEN_BROKEN;
	*text_out = (struct span){ line->at + 1, line->len - 2 };
	if (text_out->len && text_out->at[text_out->len - 1] == '+')
		text_out->len--;
	*line = span_after(*line, line->len);
	return TOKEN_LITERAL;
}

/* What stands in brackets belongs to it: BODY[HEADER.FIELDS (DATE)]<0>. */
static enum token take_atom(struct span *line, struct span *text_out)
{
	bool in_brackets = false;
	size_t end = 0;

	while (end < line->len) {
		char c = line->at[end];

		if (!in_brackets && (c == ' ' || c == '(' || c == ')' || c == '"'))
			break;
		in_brackets = c == '[' || (in_brackets && c != ']');
		end++;
	}
	*text_out = (struct span){ line->at, end };
	*line = span_after(*line, end);
	return TOKEN_ATOM;
}

static enum token take_token(struct span *line, struct span *text_out)
{
	*text_out = (struct span){ "", 0 };
	while (line->len && line->at[0] == ' ')
		*line = span_after(*line, 1);
	if (!line->len)
		return TOKEN_END;
	switch (line->at[0]) {
	case '(':
		*line = span_after(*line, 1);
		return TOKEN_OPEN;
	case ')':
		*line = span_after(*line, 1);
		return TOKEN_CLOSE;
	case '"':
		return take_quoted(line, text_out);
	case '{':
		return take_literal(line, text_out);
	default:
		return take_atom(line, text_out);
	}
}

/* BODY[], BODY[HEADER] or BODY[HEADER.FIELDS (...)], with <N> behind where a part was
 * asked for. */
static enum imap_item body_item(struct imap_fetch *fetch, struct span name)
{
	static const char begin[] = "BODY[";
	struct span section, rest = span_after(name, sizeof(begin) - 1);

	if (name.len < sizeof(begin) ||
	    strncasecmp(name.at, begin, sizeof(begin) - 1) != 0 ||
	    !span_cut(&rest, ']', &section) || !rest.at)
		return IMAP_ITEM_OTHER;
	if (section.len && (section.len < 6 || strncasecmp(section.at, "HEADER", 6) != 0))
		return IMAP_ITEM_OTHER;
	fetch->from = 0;
	if (rest.len &&
	    (rest.len < 3 || rest.at[0] != '<' || rest.at[rest.len - 1] != '>' ||
	     !number_parse((struct span){ rest.at + 1, rest.len - 2 }, OCTETS_MAX,
			   &fetch->from)))
		return IMAP_ITEM_OTHER;
	return IMAP_ITEM_BODY;
}

static enum imap_item item_named(struct imap_fetch *fetch, struct span name)
{
	if (span_is_word(name, "UID"))
		return IMAP_ITEM_UID;
	if (span_is_word(name, "RFC822.SIZE"))
		return IMAP_ITEM_SIZE;
	if (span_is_word(name, "FLAGS"))
		return IMAP_ITEM_FLAGS;
	return body_item(fetch, name);
}

static void on_atom(struct imap_fetch *fetch, struct span text)
{
	enum imap_item item = fetch->item;

	if (fetch->depth > 1) {
		if (item == IMAP_ITEM_FLAGS && span_is_word(text, "\\Deleted"))
			fetch->is_deleted = true;
		return;
	}
	fetch->item = IMAP_ITEM_NONE;
	switch (item) {
	case IMAP_ITEM_NONE:
		fetch->item = item_named(fetch, text);
		return;
	case IMAP_ITEM_UID:
		if (!number_parse(text, UINT32_MAX, &fetch->uid))
			fetch->uid = 0;
		return;
	case IMAP_ITEM_SIZE:
		fetch->is_sized = true;
		/* A size that is no number is unknown. */
		if (!number_parse(text, OCTETS_MAX, &fetch->octets))
			fetch->octets = 0;
		return;
	case IMAP_ITEM_OTHER:
	case IMAP_ITEM_FLAGS:
	case IMAP_ITEM_BODY: /* NIL: there is none */
		return;
	}
}

static bool on_paren(struct imap_fetch *fetch, bool opens)
{
	if (opens)
		return ++fetch->depth <= DEPTH_MAX;
	if (!fetch->depth)
		return false;
	if (--fetch->depth == 1)
		fetch->item = IMAP_ITEM_NONE;
	return true;
}

/* A value that is a string ends its item, but not within a list. */
static bool is_body_value(struct imap_fetch *fetch)
{
	bool is_body = fetch->depth == 1 && fetch->item == IMAP_ITEM_BODY;

	if (fetch->depth == 1)
		fetch->item = IMAP_ITEM_NONE;
	fetch->has_body |= is_body;
	return is_body;
}

enum imap_fetch_found imap_fetch_read(struct imap_fetch *fetch, struct span *line,
				      uint64_t *length_out, struct span *text_out)
{
	for (;;) {
		enum token token = take_token(line, text_out);

		switch (token) {
		case TOKEN_OPEN:
		case TOKEN_CLOSE:
			if (!on_paren(fetch, token == TOKEN_OPEN))
				return IMAP_FETCH_BROKEN;
			if (!fetch->depth)
				return IMAP_FETCH_END;
			break;
		case TOKEN_ATOM:
			if (!fetch->depth)
				return IMAP_FETCH_BROKEN;
			on_atom(fetch, *text_out);
			break;
		case TOKEN_QUOTED:
			if (is_body_value(fetch))
				return IMAP_FETCH_QUOTED;
			break;
		case TOKEN_LITERAL:
			if (!number_parse(*text_out, OCTETS_MAX, length_out))
				return IMAP_FETCH_BROKEN;
			return is_body_value(fetch) ? IMAP_FETCH_BODY
						    : IMAP_FETCH_LITERAL;
		case TOKEN_END:
		case TOKEN_BROKEN:
			return IMAP_FETCH_BROKEN;
		}
	}
}
