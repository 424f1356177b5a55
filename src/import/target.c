#include "import/target.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/file.h"

#define TARGET_MAX ((size_t)64 * 1024 * 1024)

void import_say(const struct import *import, enum import_word word, const char *about,
		const char *fmt, ...)
{
	char text[2000];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	import->say(import->ctx, word, about, text);
}

static bool read_target(const struct import *import, const char *name, struct buf *text,
			struct err *err)
{
	bool found;

	if (import->control_fd < 0)
		return true;
	return file_read_if_any(import->control_fd, name, text, &found, err) ||
	       err_context(err, "control");
}

/* The comment that a file begins with: its manual. */
static struct span manual_of(struct span text)
{
	struct span rest = text, line;
	size_t len = 0;

	while (rest.len && memchr(rest.at, '\n', rest.len) &&
	       span_cut(&rest, '\n', &line)) {
		struct span words = span_trim(line);

		if (words.len && words.at[0] != '#')
			break;
		len += line.len + 1;
	}
	return (struct span){ text.at, len };
}

static bool too_large(const char *name, struct err *err)
{
	return err_temporary(err, "", "control/%s would be too large", name);
}

static bool write_target(struct import *import, const char *name, const struct buf *text,
			 mode_t mode, struct err *err)
{
	import->written++;
	if (!import->yes)
		return true;
	return file_replace(import->control_fd, name, text->data, text->len, mode, err) ||
	       err_context(err, "control/%s", name);
}

static void about(const char *name, char about_out[300])
{
	snprintf(about_out, 300, "control/%s", name);
}

/* What of the line's list is there: the same line, another one with its key, or none. */
static const char *find(const struct settings_list *there, const char *line)
{
	struct span key = span_of(line);

	if (there->keyed)
		key.len = strcspn(line, ":");
	return settings_list_find(there, key);
}

/* Appends what is missing, and tells it. */
static bool add_missing(const struct import *import, const char *where,
			const struct settings_list *lines,
			const struct settings_list *there, struct buf *text,
			unsigned *added_out)
{
	for (size_t i = 0; i < lines->count; i++) {
		const char *line = lines->lines[i];
		const char *same = import->is_new ? NULL : find(there, line);

		if (same && strcasecmp(same, line) != 0)
			import_say(import, IMPORT_KEEP, where,
				   "\"%s\" is there, not \"%s\"", same, line);
		if (same)
			continue;
		import_say(import, IMPORT_WRITE, where, "%s", line);
		if (!buf_appendf(text, "%s\n", line))
			return false;
		++*added_out;
	}
	return true;
}

bool target_list(struct import *import, const char *name,
		 const struct settings_list *lines, bool keyed, struct err *err)
{
	AUTO_BUF text = BUF_INIT(TARGET_MAX);
	struct settings_list there = { .keyed = keyed };
	unsigned added = 0;
	char where[300];
	bool done;

	about(name, where);
	if (!read_target(import, name, &text, err) ||
	    !settings_list_parse(&there, name, buf_span(&text), err))
		return false;
	if (import->is_new)
		buf_cut(&text, manual_of(buf_span(&text)).len);
	done = (!text.len || text.data[text.len - 1] == '\n' ||
		buf_append_byte(&text, '\n')) &&
	       add_missing(import, where, lines, &there, &text, &added);
	settings_list_clear(&there);
	if (!done)
		return too_large(name, err);
	if (!added && lines->count)
		import_say(import, IMPORT_SAME, where, "%zu lines", lines->count);
	return !added || write_target(import, name, &text, 0644, err);
}

bool target_value(struct import *import, const char *name, const char *value,
		  struct err *err)
{
	AUTO_BUF text = BUF_INIT(4096);

	if (!buf_appendf(&text, "%s\n", value))
		return too_large(name, err);
	return target_text(import, name, buf_span(&text), 0644, err);
}

/* The same lines, whatever comments stand beside them. */
static bool says_same(struct span one, struct span other)
{
	struct settings_list a = { 0 }, b = { 0 };
	struct err ignored;
	bool same = settings_list_parse(&a, "", one, &ignored) &&
		    settings_list_parse(&b, "", other, &ignored) && a.count == b.count;

	for (size_t i = 0; same && i < a.count; i++)
		same = strcmp(a.lines[i], b.lines[i]) == 0;
	settings_list_clear(&a);
	settings_list_clear(&b);
	return same;
}

static bool says_nothing(struct span text)
{
	return says_same(text, (struct span){ "", 0 });
}

/* For people: short ones as they are. */
static void describe(struct span text, char out[80])
{
	struct span words = span_trim(text);

	if (words.len < 60 && !memchr(words.at, '\n', words.len))
		snprintf(out, 80, "%.*s", SPAN_ARG(words));
	else
		snprintf(out, 80, "%zu bytes", text.len);
}

bool target_text(struct import *import, const char *name, struct span text, mode_t mode,
		 struct err *err)
{
	AUTO_BUF all = BUF_INIT(TARGET_MAX);
	char where[300], words[80];

	about(name, where);
	describe(text, words);
	if (!read_target(import, name, &all, err))
		return false;
	if (all.len && says_same(buf_span(&all), text)) {
		import_say(import, IMPORT_SAME, where, "%s", words);
		return true;
	}
	/* A .qmail file of comments alone says something: throw it away. */
	if (!import->is_new && all.len &&
	    (!says_nothing(buf_span(&all)) || strncmp(name, "alias/", 6) == 0)) {
		import_say(import, IMPORT_KEEP, where, "is another one, not %s", words);
		return true;
	}
	import_say(import, IMPORT_WRITE, where, "%s", words);
	buf_cut(&all, manual_of(buf_span(&all)).len);
	if (!buf_append_span(&all, text))
		return too_large(name, err);
	return write_target(import, name, &all, mode, err);
}
