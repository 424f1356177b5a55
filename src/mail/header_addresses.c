#include <stdio.h>
#include <string.h>

#include "mail/header.h"
#include "mail/utf8.h"

/* Bytes of the faulty list that an err shows. */
#define SHOWN_MAX 100

enum token {
	TOKEN_END,
	TOKEN_WORD,    /* an atom, a quoted string or a domain literal, in `text` */
	TOKEN_SPECIAL, /* one byte, in `special` */
	TOKEN_WRONG,
};

typedef bool each_at(void *ctx, const char *address, struct span place, struct err *err);

/* What has been read of one element of the list. */
struct list {
	each_at *each;
	void *ctx;
	bool plus_is_fine; /* behind a host */
	struct span whole;
	struct span rest;
	struct buf text;    /* the last word */
	struct buf address; /* the words since the element, or its "<", began */
	char special;
	bool overflow; /* the address is too long; a phrase may be */
	bool after_word;
	bool is_phrase; /* two words without a dot between */
	bool has_domain;
	bool in_brackets;
	bool is_done; /* the brackets are closed */
	size_t token; /* in whole, the last one's first byte */
	size_t begin; /* in whole, the address's first word or mark */
	size_t end;   /* in whole, behind the last word or mark */
	size_t local; /* length of the local part, where has_domain */
};

static bool refuse(const struct list *list, struct err *err, const char *why)
{
	size_t len = list->whole.len < SHOWN_MAX ? list->whole.len : SHOWN_MAX;
	char shown[SHOWN_MAX + 1];

	memcpy(shown, list->whole.at, len);
	shown[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)shown[i] < 32)
			shown[i] = ' ';
	return err_permanent(err, "5.1.3", "%s: \"%s\"", why, shown);
}

static bool is_control(char c)
{
	return ((unsigned char)c < 32 && c != '\t' && c != '\r' && c != '\n') || c == 127;
}

/* CFWS; false where a comment is not closed. */
static bool skip_blanks(struct span *rest)
{
	size_t depth = 0;

	for (; rest->len; *rest = span_after(*rest, 1)) {
		if (depth && rest->at[0] == '\\')
			*rest = span_after(*rest, 1);
		else if (rest->at[0] == '(')
			depth++;
		else if (depth && rest->at[0] == ')')
			depth--;
		else if (!depth && (!rest->at[0] || !strchr(" \t\r\n", rest->at[0])))
			break;
	}
	return depth == 0;
}

static enum token quoted(struct list *list, char close)
{
	for (; list->rest.len && list->rest.at[0] != close;
	     list->rest = span_after(list->rest, 1)) {
		if (list->rest.at[0] == '\r' || list->rest.at[0] == '\n')
			continue; /* folding */
		if (list->rest.at[0] == '\\' && list->rest.len > 1)
			list->rest = span_after(list->rest, 1);
		if (is_control(list->rest.at[0]))
			return TOKEN_WRONG;
		if (!buf_append_byte(&list->text, list->rest.at[0]))
			list->overflow = true;
	}
	if (!list->rest.len)
		return TOKEN_WRONG;
	list->rest = span_after(list->rest, 1);
	return TOKEN_WORD;
}

static enum token literal(struct list *list)
{
	if (!buf_append_byte(&list->text, '[') || quoted(list, ']') == TOKEN_WRONG)
		return TOKEN_WRONG;
	if (!buf_append_byte(&list->text, ']'))
		list->overflow = true;
	return TOKEN_WORD;
}

static enum token next(struct list *list)
{
	static const char specials[] = "<>@,;:.)]\\";
	size_t len = 0;

	buf_reset(&list->text);
	if (!skip_blanks(&list->rest))
		return TOKEN_WRONG;
	if (!list->rest.len)
		return TOKEN_END;
	list->token = list->whole.len - list->rest.len;
	list->special = list->rest.at[0];
	if (is_control(list->special))
		return TOKEN_WRONG;
	if (strchr(specials, list->special) || list->special == '"' ||
	    list->special == '[')
		list->rest = span_after(list->rest, 1);
	if (list->special == '"')
		return quoted(list, '"');
	if (list->special == '[')
		return literal(list);
	if (strchr(specials, list->special))
		return TOKEN_SPECIAL;
	while (len < list->rest.len && !is_control(list->rest.at[len]) &&
	       !strchr("<>@,;:.()[]\\\" \t\r\n", list->rest.at[len]))
		len++;
	if (!buf_append(&list->text, list->rest.at, len))
		list->overflow = true;
	list->rest = span_after(list->rest, len);
	return TOKEN_WORD;
}

/* Forgets the words so far: they were a phrase, a group's name or a route. */
static void begin(struct list *list, bool in_brackets)
{
	buf_reset(&list->address);
	list->overflow = list->after_word = list->is_phrase = list->has_domain = false;
	list->in_brackets = in_brackets;
	list->is_done = false;
}

static void note_place(struct list *list)
{
	if (!list->address.len)
		list->begin = list->token;
	list->end = list->whole.len - list->rest.len;
}

static bool on_word(struct list *list, struct err *err)
{
	if (list->is_done)
		return refuse(list, err, "words behind an address");
	list->is_phrase = list->is_phrase || list->after_word;
	list->after_word = true;
	note_place(list);
	if (!buf_append_span(&list->address, buf_span(&list->text)))
		list->overflow = true;
	return true;
}

/* A route, "@a,@b:", of which only "@" and domains have been read. */
static bool is_route(const struct list *list)
{
	return list->in_brackets && list->has_domain && list->local == 0;
}

static bool check(const struct list *list, struct err *err)
{
	const struct buf *address = &list->address;
	struct span domain = span_after(buf_span(address), list->local + 1);

	if (list->plus_is_fine && domain.len > 1 && domain.at[domain.len - 1] == '+')
		domain.len--;
	if (list->overflow)
		return refuse(list, err, "an address is too long");
	if (list->is_phrase)
		return refuse(list, err,
			      "a name without an address, or a comma is missing");
	if (!utf8_is_text(buf_span(address)) ||
	    (list->has_domain ? !list->local || !address_domain_is_valid(domain)
			      : memchr(address->data, '@', address->len) != NULL))
		return refuse(list, err, "this is no address");
	return true;
}

/* The end of an element: its address, unless the brackets gave it already. */
static bool finish(struct list *list, struct err *err, bool *is_address_out)
{
	*is_address_out = (list->address.len || list->overflow) && !list->is_done;
	return !*is_address_out || check(list, err);
}

static bool put_mark(struct list *list)
{
	list->after_word = false;
	note_place(list);
	if (!buf_append_byte(&list->address, list->special))
		list->overflow = true;
	return true;
}

static bool on_special(struct list *list, struct err *err, bool *is_end_out)
{
	*is_end_out = false;
	if (list->is_done && list->special != ',' && list->special != ';')
		return refuse(list, err, "this is no list of addresses");
	switch (list->special) {
	case '.':
		return put_mark(list);
	case '@':
		if (list->has_domain)
			return refuse(list, err, "an address with two \"@\"");
		list->has_domain = true;
		list->local = list->address.len;
		return put_mark(list);
	case '<':
		if (list->in_brackets)
			return refuse(list, err, "a \"<\" in an address");
		begin(list, true);
		return true;
	case ':':
		if (list->in_brackets != is_route(list) ||
		    list->has_domain != is_route(list))
			return refuse(list, err, "a \":\" in an address");
		begin(list, list->in_brackets);
		return true;
	case '>':
		*is_end_out = list->in_brackets;
		return list->in_brackets || refuse(list, err, "a \">\" too many");
	case ',':
		if (is_route(list)) {
			begin(list, true);
			return true;
		}
		/* fall through */
	case ';':
		*is_end_out = !list->in_brackets;
		return !list->in_brackets || refuse(list, err, "a \">\" is missing");
	default:
		return refuse(list, err, "this is no list of addresses");
	}
}

static bool on_end(struct list *list, struct err *err)
{
	bool closes = list->in_brackets && list->special == '>';
	struct span place = { list->whole.at + list->begin, list->end - list->begin };
	bool is_address;

	if (!finish(list, err, &is_address) ||
	    (is_address && !list->each(list->ctx, list->address.data, place, err)))
		return false;
	begin(list, false);
	list->is_done = closes;
	return true;
}

static bool elements(struct list *list, struct err *err)
{
	bool is_end;

	for (;;) {
		switch (next(list)) {
		case TOKEN_WRONG:
			return refuse(list, err, "a quote or a comment is not closed");
		case TOKEN_WORD:
			if (!on_word(list, err))
				return false;
			break;
		case TOKEN_SPECIAL:
			if (!on_special(list, err, &is_end) ||
			    (is_end && !on_end(list, err)))
				return false;
			break;
		case TOKEN_END:
			if (list->in_brackets)
				return refuse(list, err, "a \">\" is missing");
			list->special = '\0';
			return on_end(list, err);
		}
	}
}

static bool parse(struct list *list, struct span value, struct err *err)
{
	bool parsed;

	list->whole = list->rest = value;
	list->text = list->address = BUF_INIT(ADDRESS_MAX - 1);
	parsed = elements(list, err);
	buf_clear(&list->text);
	buf_clear(&list->address);
	return parsed;
}

bool header_addresses_at(struct span value, each_at *each, void *ctx, struct err *err)
{
	struct list list = { .each = each, .ctx = ctx, .plus_is_fine = true };

	return parse(&list, value, err);
}

struct caller {
	bool (*each)(void *ctx, const char *address, struct err *err);
	void *ctx;
};

static bool call(void *ctx, const char *address, struct span place, struct err *err)
{
	const struct caller *caller = ctx;

	(void)place;
	return caller->each(caller->ctx, address, err);
}

bool header_addresses(struct span value,
		      bool (*each)(void *ctx, const char *address, struct err *err),
		      void *ctx, struct err *err)
{
	struct caller caller = { each, ctx };
	struct list list = { .each = call, .ctx = &caller };

	return parse(&list, value, err);
}
