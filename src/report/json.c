#include "report/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

json_t *report_text(const char *text)
{
	json_t *json;
	char *plain;

	if (!text)
		return json_null();
	json = json_string(text);
	if (json)
		return json;
	plain = must_copy(text);
	for (char *at = plain; *at; at++)
		if ((unsigned char)*at > 127)
			*at = '?';
	json = json_string(plain);
	free(plain);
	assert(json);
	return json;
}

json_t *report_words(const char *text)
{
	return text && *text ? report_text(text) : json_null();
}

json_t *report_when(int64_t wall_s)
{
	char text[CLOCK_TEXT_MAX];

	return wall_s ? json_string(clock_format_rfc3339(wall_s, text)) : json_null();
}

json_t *report_count(int64_t number)
{
	return number < 0 ? json_null() : json_integer(number);
}

bool report_print(json_t *document, FILE *to, struct err *err)
{
	bool written = json_dumpf(document, to, JSON_INDENT(2)) == 0 &&
		       fputc('\n', to) != EOF && fflush(to) == 0;

	json_decref(document);
	return written ? true : err_errno(err, "write the JSON");
}
