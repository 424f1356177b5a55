#include "control/keyvalue.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/number.h"
#include "control/lines.h"
#include "control/settings_list.h"

#define FILE_MAX ((size_t)256 * 1024)
#define KEYS_MAX 32 /* of one table: a bit each says which were seen */

/* Where we are, for the err. */
struct place {
	const char *path;
	unsigned line;
	struct err *err;
};

static bool wrong(const struct place *place, const char *fmt, ...) PRINTF(2, 3);

static bool wrong(const struct place *place, const char *fmt, ...)
{
	char text[sizeof(place->err->text)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return err_exit(place->err, EX_CONFIG, "control/%.100s:%u: %.380s", place->path,
			place->line, text);
}

/* "a b c" of what may stand there. */
static void list_keys(const struct keyvalue_key *keys, struct buf *out)
{
	for (; keys->name; keys++)
		if (!buf_appendf(out, " %s", keys->name))
			return;
}

static bool unknown_key(const struct place *place, struct span name,
			const struct keyvalue_key *keys)
{
	AUTO_BUF known = BUF_INIT(300);

	list_keys(keys, &known);
	return wrong(place, "unknown key \"%.*s\"; known are:%s",
		     name.len > 40 ? 40 : (int)name.len, name.at, known.data);
}

static bool set_word(const struct place *place, const struct keyvalue_key *key,
		     struct span value, unsigned *out)
{
	AUTO_BUF known = BUF_INIT(200);

	for (unsigned i = 0; key->words[i]; i++) {
		if (span_is_word(value, key->words[i])) {
			*out = i;
			return true;
		}
		if (!buf_appendf(&known, " %s", key->words[i]))
			break;
	}
	return wrong(place, "%s may not be \"%.*s\"; write one of:%s", key->name,
		     value.len > 40 ? 40 : (int)value.len, value.at, known.data);
}

static bool set_number(const struct place *place, const struct keyvalue_key *key,
		       struct span value, void *at)
{
	uint64_t number;

	if (key->kind == KEYVALUE_PORT) {
		if (!number_parse(value, 65535, &number) || !number)
			return wrong(place, "%s is no number from 1 to 65535", key->name);
		*(uint16_t *)at = (uint16_t)number;
		return true;
	}
	if (key->kind == KEYVALUE_BYTES) {
		if (number_parse_bytes(value, key->max, at))
			return true;
		return wrong(place, "%s is no size; write bytes, as 25000000 or 25m",
			     key->name);
	}
	if (key->kind == KEYVALUE_SECONDS) {
		if (number_parse_seconds(value, key->max, at))
			return true;
		return wrong(place,
			     "%s is no time up to %llu s; write seconds, or as 90s, 30m, "
			     "2h, 5d",
			     key->name, (unsigned long long)key->max);
	}
	if (number_parse(value, key->max, at))
		return true;
	return wrong(place, "%s is no number from 0 to %llu", key->name,
		     (unsigned long long)key->max);
}

static void set_names(struct settings_list *list, struct span value, unsigned line)
{
	while (value.len) {
		size_t len = 0;

		while (len < value.len && !strchr(" \t,", value.at[len]))
			len++;
		if (len)
			settings_list_add(list, (struct span){ value.at, len }, line);
		value = span_after(value, len ? len : 1);
	}
}

static bool set(const struct place *place, const struct keyvalue_key *key,
		struct span value, void *target)
{
	void *at = (char *)target + key->offset;

	switch (key->kind) {
	case KEYVALUE_TEXT: {
		char *copy = must_alloc(value.len + 1);

		memcpy(copy, value.at, value.len);
		free(*(char **)at);
		*(char **)at = copy;
		return true;
	}
	case KEYVALUE_WORD:
		return set_word(place, key, value, at);
	case KEYVALUE_NUMBER:
	case KEYVALUE_BYTES:
	case KEYVALUE_SECONDS:
	case KEYVALUE_PORT:
		return set_number(place, key, value, at);
	case KEYVALUE_NAMES:
		set_names(at, value, place->line);
		return true;
	case KEYVALUE_REPEATED:
		settings_list_add(at, value, place->line);
		return true;
	}
	return true;
}

/* "key value", "key=value", "key = value". */
static void split(struct span line, struct span *name_out, struct span *value_out)
{
	size_t len = 0;

	while (len < line.len && !strchr(" \t=", line.at[len]))
		len++;
	*name_out = (struct span){ line.at, len };
	*value_out = span_trim(span_after(line, len));
	if (value_out->len && value_out->at[0] == '=')
		*value_out = span_trim(span_after(*value_out, 1));
}

static bool parse_line(const struct place *place, struct span line,
		       const struct keyvalue_key *keys, uint32_t *seen, void *target)
{
	struct span name, value;
	unsigned i = 0;

	split(line, &name, &value);
	while (keys[i].name && !span_is_word(name, keys[i].name))
		i++;
	if (!keys[i].name)
		return unknown_key(place, name, keys);
	if (!value.len)
		return wrong(place, "%s has no value; write one, or take the line out",
			     keys[i].name);
	if (i < KEYS_MAX && *seen & UINT32_C(1) << i && keys[i].kind != KEYVALUE_REPEATED)
		return wrong(place, "%s stands here a second time; keep one",
			     keys[i].name);
	if (i < KEYS_MAX)
		*seen |= UINT32_C(1) << i;
	return set(place, &keys[i], value, target);
}

/* ear: NULL where the first wrong line ends it. */
static bool parse(struct place *place, struct span text, const struct keyvalue_key *keys,
		  void *target, const struct keyvalue_ear *ear)
{
	struct span line;
	uint32_t seen = 0;

	while (lines_next(&text, &line, &place->line)) {
		if (memchr(line.at, '\0', line.len)
			    ? !wrong(place, "a NUL byte; write plain text")
			    : !parse_line(place, line, keys, &seen, target)) {
			if (!ear)
				return false;
			ear->fault(ear->ctx, place->err);
		}
	}
	return true;
}

bool keyvalue_parse(const char *path, struct span text, const struct keyvalue_key *keys,
		    void *target, struct err *err)
{
	struct place place = { .path = path, .err = err };

	return parse(&place, text, keys, target, NULL);
}

bool keyvalue_read(int control_fd, const char *path, const struct keyvalue_key *keys,
		   void *target, struct err *err)
{
	AUTO_BUF text = BUF_INIT(FILE_MAX);

	if (!file_read(control_fd, path, &text, err))
		return err_context(err, "control");
	return keyvalue_parse(path, buf_span(&text), keys, target, err);
}

bool keyvalue_read_all(int control_fd, const char *path, const struct keyvalue_key *keys,
		       void *target, const struct keyvalue_ear *ear, struct err *err)
{
	struct place place = { .path = path, .err = err };
	AUTO_BUF text = BUF_INIT(FILE_MAX);

	if (!file_read(control_fd, path, &text, err))
		return err_context(err, "control");
	return parse(&place, buf_span(&text), keys, target, ear);
}

void keyvalue_clear(const struct keyvalue_key *keys, void *target)
{
	for (; keys->name; keys++) {
		void *at = (char *)target + keys->offset;

		if (keys->kind == KEYVALUE_TEXT) {
			free(*(char **)at);
			*(char **)at = NULL;
		} else if (keys->kind == KEYVALUE_NAMES ||
			   keys->kind == KEYVALUE_REPEATED) {
			settings_list_clear(at);
		}
	}
}
