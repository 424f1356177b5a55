#include "mail/header.h"

#include <ctype.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* field-name = 1*ftext, any printable character but the colon; blanks in front of the
 * colon are obsolete and still seen. Length of the name, 0 where the line is no field. */
static size_t name_length(struct span line, size_t *value_at_out)
{
	size_t len = 0, colon;

	while (len < line.len && line.at[len] > ' ' && line.at[len] < 127 &&
	       line.at[len] != ':')
		len++;
	colon = len;
	while (colon < line.len && is_blank(line.at[colon]))
		colon++;
	if (colon == line.len || line.at[colon] != ':')
		return 0;
	*value_at_out = colon + 1;
	return len;
}

static size_t line_length(struct span rest)
{
	const char *lf = memchr(rest.at, '\n', rest.len);

	return lf ? (size_t)(lf - rest.at) + 1 : rest.len;
}

bool header_next(struct span *rest, struct header_field *field_out)
{
	struct span whole = { rest->at, 0 };
	size_t name, value_at = 0;

	if (!rest->len)
		return false;
	whole.len = line_length(*rest);
	name = name_length(whole, &value_at);
	if (!name)
		return false;
	while (whole.len < rest->len && is_blank(rest->at[whole.len]))
		whole.len += line_length(span_after(*rest, whole.len));
	*field_out = (struct header_field){
		.whole = whole,
		.name = { whole.at, name },
		.value = span_after(whole, value_at),
	};
	if (field_out->value.len && whole.at[whole.len - 1] == '\n') {
		field_out->value.len--;
		if (field_out->value.len && whole.at[whole.len - 2] == '\r')
			field_out->value.len--;
	}
	*rest = span_after(*rest, whole.len);
	return true;
}

bool header_find(struct span message, const char *name, struct header_field *field_out)
{
	while (header_next(&message, field_out))
		if (span_is_word(field_out->name, name))
			return true;
	return false;
}

bool header_unfold(struct span value, struct buf *out)
{
	size_t len = out->len;
	struct span line;

	value = span_trim(value);
	while (span_cut(&value, '\n', &line)) {
		if (line.len && line.at[line.len - 1] == '\r')
			line.len--;
		if (!buf_append_span(out, line)) {
			buf_cut(out, len);
			return false;
		}
	}
	return true;
}
