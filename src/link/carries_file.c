#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"
#include "base/span.h"
#include "control/routes.h"
#include "link/carries.h"
#include "link/note_file.h"

#define FOLDER    "spool/state/carries"
#define TEXT_MAX  ((size_t)CARRIES_CALLS * 64)
#define PATH_ROOM (sizeof(FOLDER) + (size_t)2 * SMARTHOST_NAME_MAX + 2)

/* "SINCE:SECONDS:RATE", a blank between calls. */
struct page {
	char calls[TEXT_MAX];
};

static const struct note_key keys[] = { NOTE_KEY(page, calls, NOTE_TEXT) };

static void path_of(const char *link, const char *smarthost, char out[PATH_ROOM])
{
	snprintf(out, PATH_ROOM, FOLDER "/%s@%s", link, smarthost);
}

static bool parse_call(struct span text, struct carries_call *call_out)
{
	struct span since, stood;
	uint64_t number;

	if (!span_cut(&text, ':', &since) || !span_cut(&text, ':', &stood) ||
	    !number_parse(since, INT64_MAX, &number) ||
	    !number_parse(stood, UINT32_MAX, &call_out->stood_s) ||
	    !number_parse(text, UINT32_MAX, &call_out->bytes_per_s))
		return false;
	call_out->since = (int64_t)number;
	return true;
}

void carries_read(int root_fd, const char *link, const char *smarthost,
		  struct carries *carries_out)
{
	struct page page = { .calls = "" };
	struct span rest, call;
	char path[PATH_ROOM];

	*carries_out = (struct carries){ .count = 0 };
	path_of(link, smarthost, path);
	if (!note_read(root_fd, path, keys, LENGTH(keys), &page))
		return;
	rest = span_of(page.calls);
	while (carries_out->count < CARRIES_CALLS && span_cut(&rest, ' ', &call))
		if (parse_call(call, &carries_out->calls[carries_out->count]))
			carries_out->count++;
}

bool carries_write(int root_fd, const char *link, const char *smarthost,
		   const struct carries *carries, struct err *err)
{
	struct page page = { .calls = "" };
	char path[PATH_ROOM];
	size_t used = 0;

	for (size_t i = 0; i < carries->count; i++) {
		const struct carries_call *call = &carries->calls[i];

		used += (size_t)snprintf(page.calls + used, TEXT_MAX - used,
					 "%" PRId64 ":%" PRIu64 ":%" PRIu64 " ",
					 call->since, call->stood_s, call->bytes_per_s);
	}
	path_of(link, smarthost, path);
	return file_make_dir(root_fd, FOLDER, 0755, err) &&
	       note_write(root_fd, path, keys, LENGTH(keys), &page, err);
}
