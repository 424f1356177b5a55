#include "programs/lontar/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/number.h"

#define BAR_WIDTH 30

void progress_begin(struct progress *progress)
{
	*progress = (struct progress){ .is_terminal = isatty(STDOUT_FILENO),
				       .began_ms = clock_monotonic_ms() };
}

static struct progress_row *row_of(struct progress *progress, struct span smarthost)
{
	struct progress_row *row;

	for (size_t i = 0; i < progress->count; i++)
		if (span_is(smarthost, progress->rows[i].smarthost))
			return &progress->rows[i];
	progress->rows =
		must_resize(progress->rows, progress->count + 1, sizeof(*progress->rows));
	row = &progress->rows[progress->count++];
	*row = (struct progress_row){ .sent = 0 };
	snprintf(row->smarthost, sizeof(row->smarthost), "%.*s", SPAN_ARG(smarthost));
	return row;
}

static void draw(struct progress *progress)
{
	uint64_t sent = 0, all = 0, done_bytes = 0, all_bytes = 0;
	int64_t ms = clock_monotonic_ms() - progress->began_ms;
	char bar[BAR_WIDTH + 1], done_text[NUMBER_TEXT_MAX], all_text[NUMBER_TEXT_MAX],
		rate_text[NUMBER_TEXT_MAX];
	size_t filled;

	for (size_t i = 0; i < progress->count; i++) {
		const struct progress_row *row = &progress->rows[i];

		sent += row->sent;
		all += row->sent + row->waiting + row->refused + row->deferred;
		done_bytes += row->sent_bytes;
		all_bytes += row->sent_bytes + row->waiting_bytes;
	}
	filled = all_bytes ? (size_t)((double)done_bytes / (double)all_bytes * BAR_WIDTH)
			   : 0;
	memset(bar, '-', BAR_WIDTH);
	memset(bar, '#', filled);
	bar[BAR_WIDTH] = '\0';
	printf("\r\033[K[%s] %" PRIu64 "/%" PRIu64 " %s of %s %s/s %s", bar, sent, all,
	       number_format_bytes(done_bytes, done_text),
	       number_format_bytes(all_bytes, all_text),
	       number_format_bytes(ms > 0 ? done_bytes * 1000 / (uint64_t)ms : 0,
				   rate_text),
	       progress->count == 1 ? progress->rows[0].doing : "");
	fflush(stdout);
	progress->is_drawn = true;
}

void progress_take(struct progress *progress, const struct link_progress *told)
{
	struct progress_row *row = row_of(progress, told->smarthost);
	bool is_news = !span_is(told->doing, row->doing);

	row->sent = told->sent;
	row->sent_bytes = told->sent_bytes;
	row->waiting = told->waiting;
	row->waiting_bytes = told->waiting_bytes;
	row->refused = told->refused;
	row->deferred = told->deferred;
	snprintf(row->doing, sizeof(row->doing), "%.*s", SPAN_ARG(told->doing));
	if (progress->is_terminal) {
		draw(progress);
	} else if (is_news && row->waiting) {
		char bytes[NUMBER_TEXT_MAX];

		printf("%s: %s, %" PRIu64 " waiting (%s)\n", row->smarthost, row->doing,
		       row->waiting, number_format_bytes(row->waiting_bytes, bytes));
		fflush(stdout);
	}
}

void progress_say(struct progress *progress, struct span text)
{
	if (!text.len)
		return;
	if (progress->is_drawn)
		printf("\r\033[K");
	progress->is_drawn = false;
	printf("%.*s\n", SPAN_ARG(text));
}

/* By its label (ipc/link.h): no smarthost's name has a blank. */
static bool is_pickup(const struct progress_row *row)
{
	return strchr(row->smarthost, ' ') != NULL;
}

void progress_end(struct progress *progress)
{
	if (progress->is_drawn)
		printf("\r\033[K");
	for (size_t i = 0; i < progress->count; i++) {
		const struct progress_row *row = &progress->rows[i];
		char bytes[NUMBER_TEXT_MAX], time[CLOCK_TEXT_MAX];
		int64_t ms = clock_monotonic_ms() - progress->began_ms;

		number_format_bytes(row->sent_bytes, bytes);
		clock_format_duration((ms + 500) / 1000, time);
		if (is_pickup(row))
			printf("%s: %" PRIu64 " fetched (%s) in %s, %" PRIu64
			       " refused, %" PRIu64 " left\n",
			       row->smarthost, row->sent, bytes, time, row->refused,
			       row->waiting);
		else
			printf("%s: %" PRIu64 " sent (%s) in %s, %" PRIu64
			       " refused, %" PRIu64 " deferred, %" PRIu64 " not tried\n",
			       row->smarthost, row->sent, bytes, time, row->refused,
			       row->deferred, row->waiting);
	}
	fflush(stdout);
	free(progress->rows);
	*progress = (struct progress){ 0 };
}
