/* A message that has our own Delivered-To line was here before (RFC 5321 6.3). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "programs/lontar-local/job.h"

/* One line of the header, as far as it can matter. */
struct line {
	char text[ADDRESS_MAX + 32];
	size_t len; /* of the whole line, which may be longer than text */
};

static void add(struct line *line, char c)
{
	if (line->len < sizeof(line->text))
		line->text[line->len] = c;
	line->len++;
}

static bool is(const struct line *line, const char *text)
{
	size_t len = strlen(text);

	return line->len == len && memcmp(line->text, text, len) == 0;
}

bool job_is_no_loop(const struct job *job, struct err *err)
{
	char piece[16 * 1024], mine[ADDRESS_MAX + 32];
	struct line line = { .len = 0 };
	uint64_t at = 0;

	snprintf(mine, sizeof(mine), "Delivered-To: %s", job->recipient);
	while (at < job->letter.bytes) {
		ssize_t got = pread(job->letter.fd, piece, sizeof(piece),
				    job->letter.body + (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? err_errno(err, "read the message") : true;
		for (ssize_t i = 0; i < got; i++) {
			if (piece[i] != '\n') {
				add(&line, piece[i]);
				continue;
			}
			if (!line.len)
				return true;
			if (is(&line, mine))
				return err_permanent(
					err, "5.4.6",
					"This message is looping: it already "
					"has my Delivered-To line.");
			line.len = 0;
		}
		at += (uint64_t)got;
	}
	return true;
}
