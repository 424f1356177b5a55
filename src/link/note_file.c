#include "link/note_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/number.h"

#define NOTE_MAX 8192

/* A value that cannot be read is a lost hint: the field stays as it was. */
static void take(const struct note_key *key, struct span value, void *note)
{
	char *at = (char *)note + key->offset;
	uint64_t number = 0;

	if (key->kind == NOTE_TEXT) {
		snprintf(at, key->room, "%.*s", SPAN_ARG(value));
		return;
	}
	if (!number_parse(value, key->kind == NOTE_NUMBER ? UINT64_MAX : INT64_MAX,
			  &number))
		return;
	if (key->kind == NOTE_FLAG)
		*(bool *)(void *)at = number != 0;
	else if (key->kind == NOTE_TIME)
		*(int64_t *)(void *)at = (int64_t)number;
	else
		*(uint64_t *)(void *)at = number;
}

void note_take_line(const struct note_key *keys, size_t count, struct span line,
		    void *note)
{
	struct span name;

	if (!span_cut(&line, '=', &name) || !line.at)
		return;
	for (size_t i = 0; i < count; i++)
		if (span_is(name, keys[i].name))
			take(&keys[i], line, note);
}

bool note_read(int root_fd, const char *path, const struct note_key *keys, size_t count,
	       void *note)
{
	AUTO_BUF text = BUF_INIT(NOTE_MAX);
	struct err ignored;
	struct span rest, line;
	bool found;

	if (!file_read_if_any(root_fd, path, &text, &found, &ignored) || !found)
		return false;
	rest = buf_span(&text);
	while (span_cut(&rest, '\n', &line))
		note_take_line(keys, count, line, note);
	return true;
}

static bool put(struct buf *out, const struct note_key *key, const void *note)
{
	const char *at = (const char *)note + key->offset;

	switch (key->kind) {
	case NOTE_FLAG:
		return buf_appendf(out, "%s=%d\n", key->name,
				   *(const bool *)(const void *)at);
	case NOTE_NUMBER:
		return buf_appendf(out, "%s=%" PRIu64 "\n", key->name,
				   *(const uint64_t *)(const void *)at);
	case NOTE_TIME:
		return buf_appendf(out, "%s=%" PRId64 "\n", key->name,
				   *(const int64_t *)(const void *)at);
	case NOTE_TEXT:
		break;
	}
	if (!buf_appendf(out, "%s=%s", key->name, at))
		return false;
	for (char *c = out->data + out->len - strlen(at); *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	return buf_append_byte(out, '\n');
}

bool note_put_lines(struct buf *out, const struct note_key *keys, size_t count,
		    const void *note)
{
	for (size_t i = 0; i < count; i++)
		if (!put(out, &keys[i], note))
			return false;
	return true;
}

bool note_write(int root_fd, const char *path, const struct note_key *keys, size_t count,
		const void *note, struct err *err)
{
	AUTO_BUF text = BUF_INIT(NOTE_MAX);

	if (!note_put_lines(&text, keys, count, note))
		return err_temporary(err, "4.3.0", "%s: too long", path);
	return file_replace(root_fd, path, text.data, text.len, 0644, err);
}
