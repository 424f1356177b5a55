#include <stdio.h>

#include "base/number.h"
#include "control/link_terms.h"
#include "control/words.h"

#define DAY_MINUTES 1440
#define DAYS_ALL    0x7f

static const char *const day_names[] = { "sunday",   "monday", "tuesday", "wednesday",
					 "thursday", "friday", "saturday" };

static bool wrong(struct err *err, struct span what, const char *fault)
{
	return err_exit(err, EX_CONFIG,
			"window: \"%.*s\" %s; write days, times or both, as \"daily "
			"02:00-02:20\", \"mon-fri 18:00-08:00\" or \"sat,sun\"",
			what.len > 60 ? 60 : (int)what.len, what.at, fault);
}

/* A day's name, or its first three letters or more. */
static bool day_of(struct span word, unsigned *day_out)
{
	for (unsigned i = 0; i < LENGTH(day_names); i++) {
		if (word.len < 3 || word.len > strlen(day_names[i]) ||
		    strncasecmp(word.at, day_names[i], word.len) != 0)
			continue;
		*day_out = i;
		return true;
	}
	return false;
}

/* "mon" or "mon-fri"; "sat-mon" goes over the week's end. */
static bool add_days(struct span part, uint8_t *days)
{
	struct span first, last = part;
	unsigned from, to;

	if (!span_cut(&last, '-', &first))
		return false;
	if (!last.at)
		last = first;
	if (!day_of(span_trim(first), &from) || !day_of(span_trim(last), &to))
		return false;
	for (*days |= (uint8_t)(1u << from); from != to; *days |= (uint8_t)(1u << from))
		from = (from + 1) % LENGTH(day_names);
	return true;
}

static bool parse_days(struct span word, uint8_t *days, struct err *err)
{
	struct span part;

	if (span_is_word(word, "daily")) {
		*days = DAYS_ALL;
		return true;
	}
	while (span_cut(&word, ',', &part))
		if (part.len && !add_days(part, days))
			return wrong(err, part, "is no day");
	return true;
}

static bool parse_time(struct span text, uint64_t latest, uint16_t *minutes_out)
{
	struct span hours, minutes = span_trim(text);
	uint64_t hour, minute;

	if (!span_cut(&minutes, ':', &hours) || !minutes.at || minutes.len != 2 ||
	    hours.len > 2 || !number_parse(hours, 24, &hour) ||
	    !number_parse(minutes, 59, &minute) || hour * 60 + minute > latest)
		return false;
	*minutes_out = (uint16_t)(hour * 60 + minute);
	return true;
}

static bool parse_times(struct span word, struct link_window *window, struct err *err)
{
	struct span from, to = word;

	if (!span_cut(&to, '-', &from) || !to.at ||
	    !parse_time(from, DAY_MINUTES - 1, &window->from) ||
	    !parse_time(to, DAY_MINUTES, &window->to))
		return wrong(err, word, "is no time from 00:00 to 24:00");
	if (window->from == window->to)
		return wrong(err, word, "has no length");
	return true;
}

bool link_window_parse(struct span line, struct link_window *window_out, struct err *err)
{
	struct span rest = line, word;
	bool has_times = false;

	*window_out = (struct link_window){ .to = DAY_MINUTES };
	while (words_next(&rest, &word)) {
		bool is_time = memchr(word.at, ':', word.len) != NULL;

		if (has_times)
			return wrong(err, word,
				     "is too much for one line: give it its own");
		if (!(is_time ? parse_times(word, window_out, err)
			      : parse_days(word, &window_out->days, err)))
			return false;
		has_times = is_time;
	}
	if (!has_times && !window_out->days)
		return wrong(err, line, "says nothing");
	if (!window_out->days)
		window_out->days = DAYS_ALL;
	return true;
}
