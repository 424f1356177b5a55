#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/file.h"
#include "control/lines.h"
#include "control/settings.h"

#define LIST_FILE_MAX ((size_t)64 * 1024 * 1024)

void settings_list_clear(struct settings_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->lines[i]);
	free(list->lines);
	free(list->numbers);
	free(list->slots);
	*list = (struct settings_list){ 0 };
}

void settings_list_add(struct settings_list *list, struct span line, unsigned number)
{
	/* Room is always a power of two, so it need not be stored. */
	if ((list->count & (list->count - 1)) == 0) {
		size_t room = list->count ? list->count * 2 : 1;

		list->lines = must_resize(list->lines, room, sizeof(*list->lines));
		list->numbers = must_resize(list->numbers, room, sizeof(*list->numbers));
	}
	list->lines[list->count] = must_alloc(line.len + 1);
	memcpy(list->lines[list->count], line.at, line.len);
	list->numbers[list->count++] = number;
}

/* What a line is found by. A line without the mark has no key, as in qmail's constmap. */
static bool key_of(const struct settings_list *list, const char *line,
		   struct span *key_out)
{
	const char *end;

	*key_out = span_of(line);
	if (!list->keyed)
		return true;
	end = strchr(line, ':');
	if (!end)
		return false;
	key_out->len = (size_t)(end - line);
	return true;
}

static size_t slot_of(const struct settings_list *list, struct span key)
{
	uint32_t hash = 5381;

	for (size_t i = 0; i < key.len; i++)
		hash = hash * 33 ^ (uint32_t)tolower((unsigned char)key.at[i]);
	return hash & (list->slot_count - 1);
}

static bool same(struct span one, struct span other)
{
	return one.len == other.len && strncasecmp(one.at, other.at, one.len) == 0;
}

/* The slot of key, or the free one where it would be. */
static uint32_t *find_slot(const struct settings_list *list, struct span key)
{
	size_t i = slot_of(list, key);
	struct span there;

	while (list->slots[i]) {
		if (key_of(list, list->lines[list->slots[i] - 1], &there) &&
		    same(there, key))
			break;
		i = (i + 1) & (list->slot_count - 1);
	}
	return &list->slots[i];
}

/* The last of several lines with one key wins: so it does in qmail. */
static void make_index(struct settings_list *list)
{
	struct span key;

	for (list->slot_count = 4; list->slot_count < list->count * 2;)
		list->slot_count *= 2;
	list->slots = must_alloc(list->slot_count * sizeof(*list->slots));
	for (size_t i = 0; i < list->count; i++)
		if (key_of(list, list->lines[i], &key))
			*find_slot(list, key) = (uint32_t)(i + 1);
}

const char *settings_list_find(const struct settings_list *list, struct span key)
{
	uint32_t found;

	if (!list->slots)
		return NULL;
	found = *find_slot(list, key);
	return found ? list->lines[found - 1] : NULL;
}

bool settings_list_parse(struct settings_list *list, const char *name, struct span text,
			 struct err *err)
{
	struct span line;
	unsigned number = 0;

	while (lines_next(&text, &line, &number)) {
		if (memchr(line.at, '\0', line.len)) {
			settings_list_clear(list);
			return err_exit(err, EX_CONFIG,
					"control/%s:%u: a NUL byte; write plain text",
					name, number);
		}
		settings_list_add(list, line, number);
	}
	make_index(list);
	return true;
}

static bool read_list(int control_fd, const char *name, bool keyed,
		      struct settings_list *list_out, struct err *err)
{
	AUTO_BUF text = BUF_INIT(LIST_FILE_MAX);
	bool found;

	*list_out = (struct settings_list){ .keyed = keyed };
	if (!file_read_if_any(control_fd, name, &text, &found, err))
		return err_context(err, "control");
	return settings_list_parse(list_out, name, buf_span(&text), err);
}

bool settings_list_read(int control_fd, const char *name, struct settings_list *list_out,
			struct err *err)
{
	return read_list(control_fd, name, false, list_out, err);
}

bool settings_list_read_keyed(int control_fd, const char *name,
			      struct settings_list *list_out, struct err *err)
{
	return read_list(control_fd, name, true, list_out, err);
}

static int compare_lines(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

void settings_list_sort(struct settings_list *list)
{
	if (list->count)
		qsort(list->lines, list->count, sizeof(*list->lines), compare_lines);
}
