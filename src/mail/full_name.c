#include "mail/full_name.h"

#include <ctype.h>
#include <string.h>

#include "mail/utf8.h"

#define WORD_MAX 75 /* RFC 2047 2 */

static const char word_start[] = "=?utf-8?q?";
static const char word_end[] = "?=";

static bool is_plain(const char *name)
{
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) &&
		    !strchr(" !#$%&'*+-/^_`{|}~", *name))
			return false;
	return true;
}

static bool is_ascii(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name >= 128)
			return false;
	return true;
}

static bool append_quoted(struct buf *out, const char *name)
{
	bool fits = buf_append_byte(out, '"');

	for (; fits && *name; name++) {
		if (*name == '"' || *name == '\\')
			fits = buf_append_byte(out, '\\');
		fits = fits && buf_append_byte(out, *name);
	}
	return fits && buf_append_text(out, "\" ");
}

/* The "Q" encoding, with only letters and digits as they are; a word holds whole
 * characters. */
static bool append_encoded(struct buf *out, struct span name)
{
	size_t used = 0, len;
	bool fits = true;
	uint32_t code;

	for (; fits && name.len; name = span_after(name, len)) {
		len = utf8_take(name, &code);
		if (used && used + 3 * len + strlen(word_end) > WORD_MAX) {
			fits = buf_appendf(out, "%s ", word_end);
			used = 0;
		}
		if (!used) {
			fits = fits && buf_append_text(out, word_start);
			used = strlen(word_start);
		}
		for (size_t i = 0; fits && i < len; i++)
			fits = isalnum((unsigned char)name.at[i])
				       ? buf_append_byte(out, name.at[i])
				       : buf_appendf(out, "=%02X",
						     (unsigned char)name.at[i]);
		used += 3 * len;
	}
	return fits && buf_appendf(out, "%s ", word_end);
}

bool full_name_append(struct buf *out, const char *name)
{
	if (!name || !*name || !utf8_is_text(span_of(name)))
		return true;
	if (is_plain(name))
		return buf_appendf(out, "%s ", name);
	if (is_ascii(name))
		return append_quoted(out, name);
	return append_encoded(out, span_of(name));
}
