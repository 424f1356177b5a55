#include "mime/media_type.h"

#include "base/attr.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without blanks and comments in front: "(a (nested) one \) here)". */
static struct span skip_space(struct span rest)
{
	unsigned depth = 0;

	for (; rest.len; rest = span_after(rest, 1)) {
		char c = rest.at[0];

		if (depth && c == '\\')
			rest = span_after(rest, 1);
		else if (c == '(')
			depth++;
		else if (depth && c == ')')
			depth--;
		else if (!depth && !is_space(c))
			break;
	}
	return rest;
}

/* The bytes in front of the first of `marks`, a blank or a comment. */
static struct span take_token(struct span *rest, const char *marks)
{
	struct span token = { rest->at, 0 };

	while (token.len < rest->len && !is_space(rest->at[token.len]) &&
	       !(rest->at[token.len] && strchr(marks, rest->at[token.len])))
		token.len++;
	*rest = skip_space(span_after(*rest, token.len));
	return token;
}

/* A parameter's value, quotes taken off, as text. An unquoted one may hold what should
 * have been quoted ("boundary=----=_Part/1"), as many programs write it. False: it is
 * longer than out. */
static bool take_value(struct span *rest, char out[BOUNDARY_MAX])
{
	size_t len = 0;
	bool fits = true;

	if (rest->len && rest->at[0] == '"') {
		*rest = span_after(*rest, 1);
		for (; rest->len && rest->at[0] != '"'; *rest = span_after(*rest, 1)) {
			if (rest->at[0] == '\\' && rest->len > 1)
				*rest = span_after(*rest, 1);
			if (rest->at[0] == '\r' || rest->at[0] == '\n')
				continue;
			fits = fits && len + 1 < BOUNDARY_MAX;
			if (fits)
				out[len++] = rest->at[0];
		}
		*rest = skip_space(span_after(*rest, 1));
	} else {
		struct span token = take_token(rest, ";");

		fits = token.len < BOUNDARY_MAX;
		len = fits ? token.len : 0;
		memcpy(out, token.at, len);
	}
	/* A boundary cannot end in a blank: it would be lost on the way. */
	while (len && is_space(out[len - 1]))
		len--;
	out[len] = 0;
	return fits && strlen(out) == len;
}

/* Finds boundary=; false: there is one that cannot be used, as it is too long or written
 * in pieces (boundary*0=, RFC 2231). */
static bool find_boundary(struct span rest, char out[BOUNDARY_MAX])
{
	char other[BOUNDARY_MAX];

	out[0] = 0;
	while (rest.len) {
		struct span name;

		rest = skip_space(rest);
		name = take_token(&rest, "=;(");
		if (!rest.len || rest.at[0] != '=') {
			while (rest.len && rest.at[0] != ';')
				rest = span_after(rest, 1);
			rest = span_after(rest, 1);
			continue;
		}
		rest = skip_space(span_after(rest, 1));
		if (span_is_word(name, "boundary"))
			return take_value(&rest, out);
		if (name.len > 9 && strncasecmp(name.at, "boundary*", 9) == 0)
			return false;
		(void)take_value(&rest, other);
		while (rest.len && rest.at[0] != ';')
			rest = span_after(rest, 1);
		rest = span_after(rest, 1);
	}
	return true;
}

static void settle_multipart(struct span subtype, struct span parameters,
			     struct media_type *type)
{
	type->digest = span_is_word(subtype, "digest");
	if (span_is_word(subtype, "signed") || span_is_word(subtype, "encrypted"))
		type->kind = MEDIA_SIGNED;
	else if (!find_boundary(parameters, type->boundary))
		type->kind = MEDIA_UNTOUCHABLE;
	else if (type->boundary[0])
		type->kind = MEDIA_MULTIPART;
}

void media_type_parse(struct span value, struct media_type *type_out)
{
	struct span rest = skip_space(value), type, subtype;

	*type_out = (struct media_type){ .kind = MEDIA_LEAF };
	type = take_token(&rest, "/;(");
	if (!rest.len || rest.at[0] != '/')
		return;
	rest = skip_space(span_after(rest, 1));
	subtype = take_token(&rest, ";(");
	rest = span_after(rest, 1);
	if (span_is_word(type, "multipart"))
		settle_multipart(subtype, rest, type_out);
	else if (!span_is_word(type, "message"))
		return;
	else if (span_is_word(subtype, "rfc822"))
		type_out->kind = MEDIA_MESSAGE;
	else if (span_is_word(subtype, "partial") ||
		 span_is_word(subtype, "external-body"))
		type_out->kind = MEDIA_UNTOUCHABLE; /* RFC 2046 5.2.2, 5.2.3 */
}

enum transfer_encoding transfer_encoding_parse(struct span value)
{
	static const struct {
		const char *word;
		enum transfer_encoding encoding;
	} known[] = {
		{ "8bit", ENCODING_8BIT },
		{ "binary", ENCODING_8BIT },
		{ "base64", ENCODING_BASE64 },
		{ "quoted-printable", ENCODING_QUOTED_PRINTABLE },
		{ "uuencode", ENCODING_PRIVATE },
		{ "uue", ENCODING_PRIVATE },
	};
	struct span rest = skip_space(value), token = take_token(&rest, ";(");

	for (size_t i = 0; i < LENGTH(known); i++)
		if (span_is_word(token, known[i].word))
			return known[i].encoding;
	if (token.len > 2 && strncasecmp(token.at, "x-", 2) == 0)
		return ENCODING_PRIVATE;
	return ENCODING_IDENTITY;
}
