#include "link/window.h"

#include <time.h>

#include "base/clock.h"

#define DAY_S INT64_C(86400)
/* A weekly window that falls into a skipped hour opens in the week after. */
#define LOOK_AHEAD_S (15 * DAY_S)

static bool has(const struct link_window *window, int weekday, unsigned minute)
{
	bool today = window->days >> weekday & 1;
	bool yesterday = window->days >> (weekday + 6) % 7 & 1;

	if (window->from < window->to)
		return today && minute >= window->from && minute < window->to;
	return (today && minute >= window->from) || (yesterday && minute < window->to);
}

static bool shows_open(const struct link_window *windows, size_t count,
		       const struct tm *clock)
{
	unsigned minute = (unsigned)(clock->tm_hour * 60 + clock->tm_min);

	for (size_t i = 0; i < count; i++)
		if (has(&windows[i], clock->tm_wday, minute))
			return true;
	return count == 0;
}

bool window_is_open(const struct link_window *windows, size_t count, int64_t now)
{
	struct tm clock;

	clock_local(now, &clock);
	return shows_open(windows, count, &clock);
}

/* Seconds until a clock that is not changed meanwhile shows the next time at which a
 * window may open or close, or midnight. */
static int64_t to_next_edge(const struct link_window *windows, size_t count,
			    const struct tm *clock)
{
	int64_t shown = clock->tm_hour * 3600L + clock->tm_min * 60L + clock->tm_sec;
	int64_t next = DAY_S;

	for (size_t i = 0; i < count; i++) {
		int64_t edges[] = { windows[i].from * 60L, windows[i].to * 60L };

		for (size_t j = 0; j < LENGTH(edges); j++)
			if (edges[j] > shown && edges[j] < next)
				next = edges[j];
	}
	return next > shown ? next - shown : 1;
}

/* The clock is changed between the two: the first second of the new time. */
static int64_t clock_change(int64_t before, int64_t after)
{
	struct tm clock;
	long offset;

	clock_local(before, &clock);
	offset = clock.tm_gmtoff;
	while (after - before > 1) {
		int64_t middle = before + (after - before) / 2;

		clock_local(middle, &clock);
		if (clock.tm_gmtoff == offset)
			before = middle;
		else
			after = middle;
	}
	return after;
}

int64_t window_change(const struct link_window *windows, size_t count, int64_t now)
{
	int64_t at = now, next;
	struct tm clock, later;
	bool open;

	clock_local(at, &clock);
	open = shows_open(windows, count, &clock);
	while (count && at < now + LOOK_AHEAD_S) {
		next = at + to_next_edge(windows, count, &clock);
		clock_local(next, &later);
		if (later.tm_gmtoff != clock.tm_gmtoff) {
			next = clock_change(at, next);
			clock_local(next, &later);
		}
		if (shows_open(windows, count, &later) != open)
			return next;
		at = next;
		clock = later;
	}
	return INT64_MAX;
}
