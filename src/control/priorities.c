#include "control/priorities.h"

#include <string.h>

#include "base/number.h"

/* What stands behind a line's colon. */
static bool word_of(const char *line, enum mail_priority *priority_out)
{
	const char *colon = strchr(line, ':');

	return colon && priority_parse(span_trim(span_of(colon + 1)), priority_out);
}

static bool size_of(const char *line, uint64_t *bytes_out)
{
	struct span size = { line, strcspn(line, ":") };

	return number_parse_bytes(span_trim(span_after(size, 1)), INT64_MAX, bytes_out);
}

static bool find(const struct settings_list *lines, const char *sender,
		 enum mail_priority *priority_out)
{
	const char *at = strrchr(sender, '@');
	const char *line = settings_list_find(lines, span_of(sender));

	if (!line && at)
		line = settings_list_find(lines, span_of(at));
	return line && word_of(line, priority_out);
}

enum mail_priority priorities_decide(const struct settings_list *lines,
				     const char *sender, uint64_t bytes,
				     enum mail_priority asked)
{
	enum mail_priority priority = asked, most;
	uint64_t size;

	if (!find(lines, sender, &priority))
		priority = asked;
	for (size_t i = 0; i < lines->count; i++)
		if (lines->lines[i][0] == '>' && size_of(lines->lines[i], &size) &&
		    bytes > size && word_of(lines->lines[i], &most) && most < priority)
			priority = most;
	return priority;
}

const char *priorities_judge(const char *line)
{
	enum mail_priority ignored;
	uint64_t size;

	if (!word_of(line, &ignored))
		return "says no priority; write normal, high or urgent behind the \":\"";
	if (line[0] == '>')
		return size_of(line, &size)
			       ? NULL
			       : "is no size; write >bytes, or with k, m or g: >2m:normal";
	if (!memchr(line, '@', strcspn(line, ":")))
		return "matches nothing; write address:word, @domain:word or >size:word";
	return NULL;
}
