#include "mime/fold.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Where the value begins: a blank in front of the colon is obsolete and no place to
 * fold. */
static size_t find_value(const struct folder *folder)
{
	size_t at = 0;

	if (folder->in_value)
		return 0;
	while (at < folder->len && is_blank(folder->held[at]))
		at++;
	while (at < folder->len && !is_blank(folder->held[0]) && folder->held[at] != ':')
		at++;
	return at;
}

/* The last blank that a line end may stand in front of, so that both lines hold more than
 * blanks; 0: none. */
static size_t find_fold(const struct folder *folder)
{
	size_t first = find_value(folder), at = folder->len - 2;

	for (at = at < LINE_OCTETS_MAX ? at : LINE_OCTETS_MAX; at > first; at--)
		if (is_blank(folder->held[at]) && !is_blank(folder->held[at + 1]))
			return at;
	return 0;
}

static bool put_front(struct folder *folder, size_t len, const char *end, struct buf *out)
{
	if (!buf_append(out, folder->held, len) || !buf_append_text(out, end))
		return false;
	folder->in_value = folder->in_value || find_value(folder) < len;
	folder->len -= len;
	memmove(folder->held, folder->held + len, folder->len);
	return true;
}

bool folder_line(struct folder *folder, const struct text_line *line, struct buf *out)
{
	const char *end = line->ended_cr ? "\r\n" : line->ended ? "\n" : "";

	memcpy(folder->held + folder->len, line->text.at, line->text.len);
	folder->len += line->text.len;
	/* One byte more than fits shows what is behind the last blank that does. */
	while (folder->len > LINE_OCTETS_MAX + (line->more ? 1 : 0)) {
		size_t fold = find_fold(folder);

		if (!put_front(folder, fold ? fold : LINE_OCTETS_MAX, fold ? "\n" : "",
			       out))
			return false;
	}
	if (line->more)
		return true;
	if (!put_front(folder, folder->len, end, out))
		return false;
	folder->in_value = false;
	return true;
}
