#include "mail/maildir.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"

#define HOST_LETTERS 24

/* Neither a path ('/'), nor what ends UNIQUE (',' and ':'), nor what a terminal acts on.
 */
static void host_letters(const char *host, char letters_out[HOST_LETTERS + 1])
{
	size_t len = 0;

	for (; *host && len < HOST_LETTERS; host++)
		if (isalnum((unsigned char)*host) || *host == '-' || *host == '.')
			letters_out[len++] = *host;
	letters_out[len] = '\0';
}

void maildir_unique(const char *host, char unique_out[MAILDIR_UNIQUE_MAX])
{
	static unsigned count; /* of this process: what makes two calls differ */
	int64_t now_us = clock_wall_us();
	char letters[HOST_LETTERS + 1];

	host_letters(host, letters);
	snprintf(unique_out, MAILDIR_UNIQUE_MAX, "%" PRId64 ".M%06" PRId64 "P%dQ%u.%s",
		 now_us / 1000000, now_us % 1000000, (int)getpid(), ++count,
		 *letters ? letters : "host");
}

struct span maildir_id(const char *name)
{
	return (struct span){ name, strcspn(name, ",:") };
}

bool maildir_fact(const char *name, char key, uint64_t *value_out)
{
	struct span rest = { name, strcspn(name, ":") }, fact;

	if (!span_cut(&rest, ',', &fact))
		return false;
	while (span_cut(&rest, ',', &fact))
		if (fact.len > 2 && fact.at[0] == key && fact.at[1] == '=')
			return number_parse(span_after(fact, 2), UINT64_MAX, value_out);
	return false;
}

const char *maildir_flags(const char *name)
{
	const char *info = strstr(name, ":2,");

	return info ? info + 3 : name + strlen(name);
}
