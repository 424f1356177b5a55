#include "link/callwhen.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/number.h"
#include "control/words.h"
#include "link/window.h"

#define MADE_UP_S  3600
#define TIME_MAX_S (UINT64_C(366) * 86400)

enum trigger {
	MESSAGES,
	OLDEST,
	URGENT,
	EVERY,
	CLOCK,
	HOURS /* for those that have none */
};

struct callwhen_line {
	enum trigger trigger;
	uint64_t number; /* messages, or seconds */
	struct link_window hours;
	bool has_hours;
	struct link_window clock; /* its beginning is what counts */
	char text[64];
};

/* A word that may be there or not. */
static void skip(struct span *rest, const char *word)
{
	struct span after = *rest, next;

	if (words_next(&after, &next) && span_is_word(next, word))
		*rest = after;
}

static bool parse_wait(struct span rest, const char *filler, uint64_t *seconds_out)
{
	struct span word;

	if (filler)
		skip(&rest, filler);
	return words_next(&rest, &word) &&
	       number_parse_seconds(word, TIME_MAX_S, seconds_out) && *seconds_out &&
	       !words_next(&rest, &word);
}

/* As a window that goes on to midnight: its days and its beginning. */
static bool parse_clock(struct span trigger, struct link_window *clock_out)
{
	char text[80];
	struct err ignored;

	if (trigger.len < 3 || trigger.at[trigger.len - 3] != ':' || trigger.len > 60)
		return false;
	snprintf(text, sizeof(text), "%.*s-24:00", SPAN_ARG(trigger));
	return link_window_parse(span_of(text), clock_out, &ignored);
}

static bool parse_trigger(struct span trigger, struct callwhen_line *line)
{
	struct span rest = trigger, word;

	if (!words_next(&rest, &word)) {
		line->trigger = HOURS;
		return line->has_hours;
	}
	if (span_is_word(word, "urgent")) {
		line->trigger = URGENT;
		return !words_next(&rest, &word);
	}
	if (span_is_word(word, "oldest")) {
		line->trigger = OLDEST;
		return parse_wait(rest, "waits", &line->number);
	}
	if (span_is_word(word, "every")) {
		line->trigger = EVERY;
		return parse_wait(rest, NULL, &line->number);
	}
	if (number_parse(word, UINT32_MAX, &line->number)) {
		line->trigger = MESSAGES;
		if (!words_next(&rest, &word) ||
		    !(span_is_word(word, "messages") || span_is_word(word, "message")))
			return false;
		skip(&rest, "wait");
		skip(&rest, "waits");
		return line->number && !words_next(&rest, &word);
	}
	line->trigger = CLOCK;
	return parse_clock(trigger, &line->clock);
}

static bool parse(struct span text, struct callwhen_line *line, struct err *err)
{
	struct span rest = text, word, trigger = text;

	*line = (struct callwhen_line){ .has_hours = false };
	snprintf(line->text, sizeof(line->text), "%.*s", SPAN_ARG(text));
	while (words_next(&rest, &word)) {
		if (!span_is_word(word, "between"))
			continue;
		trigger =
			span_trim((struct span){ text.at, (size_t)(word.at - text.at) });
		line->has_hours = true;
		if (!link_window_parse(span_trim(rest), &line->hours, err))
			return false;
		break;
	}
	return parse_trigger(trigger, line) ||
	       err_exit(err, EX_CONFIG,
			"callwhen: \"%.60s\" makes no sense; write \"20 messages wait\", "
			"\"oldest waits 2h\", \"urgent\", \"every 4h\" or \"daily "
			"07:00\", each with or without \"between 06:00-22:00\" behind it",
			line->text);
}

bool callwhen_read(const struct linkfile *link, struct callwhen *callwhen_out,
		   struct err *err)
{
	const struct settings_list *lines = &link->callwhen;

	*callwhen_out = (struct callwhen){ .count = 0 };
	if (!lines->count)
		return true;
	callwhen_out->lines =
		must_resize(NULL, lines->count, sizeof(struct callwhen_line));
	for (size_t i = 0; i < lines->count; i++) {
		if (parse(span_of(lines->lines[i]), &callwhen_out->lines[i], err))
			continue;
		callwhen_clear(callwhen_out);
		return err_context(err, "control/links/%s:%u", link->name,
				   lines->numbers[i]);
	}
	callwhen_out->count = lines->count;
	return true;
}

void callwhen_clear(struct callwhen *callwhen)
{
	free(callwhen->lines);
	*callwhen = (struct callwhen){ .count = 0 };
}

/* The hours of one trigger. */
struct hours {
	const struct link_window *windows;
	size_t count;
};

static int64_t open_from(const struct hours *hours, int64_t from)
{
	if (window_is_open(hours->windows, hours->count, from))
		return from;
	return window_change(hours->windows, hours->count, from);
}

static int minutes_shown(int64_t at)
{
	struct tm tm;

	clock_local(at, &tm);
	return tm.tm_hour * 60 + tm.tm_min;
}

/* Where a clock is put back mktime may mean either of two times, where it is put forward
 * one before or after the gap: the first of the two, and after the gap. */
static int64_t steady(int64_t at, int minutes)
{
	static const int shifts_s[] = { 3600, 1800 };

	for (unsigned i = 0; i < 4 && minutes_shown(at) < minutes; i++)
		at += 1800;
	for (size_t i = 0; i < LENGTH(shifts_s); i++)
		if (minutes_shown(at - shifts_s[i]) == minutes)
			return at - shifts_s[i];
	return at;
}

/* The clock's beginning on the day that is so many away from today; false: not a day of
 * its. */
static bool clock_on(const struct link_window *clock, int64_t now, int days,
		     int64_t *time_out)
{
	time_t then;
	struct tm tm;

	clock_local(now, &tm);
	tm.tm_mday += days;
	tm.tm_hour = clock->from / 60;
	tm.tm_min = clock->from % 60;
	tm.tm_sec = 0;
	tm.tm_isdst = -1;
	then = mktime(&tm);
	*time_out = steady(then, clock->from);
	return then != (time_t)-1 && clock->days & 1u << tm.tm_wday;
}

/* From so long after the last call on it is not forgotten any more, but only made up for
 * while it makes sense. */
static bool counts_still(const struct hours *hours, int64_t then, int64_t now)
{
	int64_t opens;

	if (!hours->count)
		return now - then < MADE_UP_S;
	opens = open_from(hours, then);
	return opens == INT64_MAX ||
	       now < window_change(hours->windows, hours->count, opens);
}

static int64_t clock_due(const struct link_window *clock, const struct hours *hours,
			 const struct callwhen_facts *facts)
{
	int64_t then;

	for (int days = 0; days >= -7; days--) {
		if (!clock_on(clock, facts->now, days, &then) || then > facts->now)
			continue;
		if (then > facts->last && counts_still(hours, then, facts->now))
			return then;
		break;
	}
	for (int days = 0; days <= 7; days++)
		if (clock_on(clock, facts->now, days, &then) && then > facts->now)
			return then;
	return INT64_MAX;
}

/* When it came about, or will if nothing changes. */
static int64_t due(const struct callwhen_line *line, const struct hours *hours,
		   const struct callwhen_facts *facts)
{
	/* Of a clock that was put back we believe nothing but that it is now. */
	int64_t oldest = facts->oldest > facts->now ? facts->now : facts->oldest;
	int64_t last = facts->last > facts->now ? facts->now : facts->last;

	switch (line->trigger) {
	case MESSAGES:
		return facts->messages >= line->number ? facts->now : INT64_MAX;
	case OLDEST:
		return oldest ? oldest + (int64_t)line->number : INT64_MAX;
	case URGENT:
		return facts->urgent ? facts->now : INT64_MAX;
	case EVERY:
		return last + (int64_t)line->number;
	case CLOCK:
		return clock_due(&line->clock, hours, facts);
	case HOURS:
		break;
	}
	return INT64_MAX;
}

static void bring_forward(struct callwhen_verdict *verdict, int64_t at, const char *why)
{
	if (at >= verdict->again)
		return;
	verdict->again = at;
	snprintf(verdict->why, sizeof(verdict->why), "%s", why);
}

void callwhen_decide(const struct callwhen *callwhen, const struct callwhen_facts *facts,
		     struct callwhen_verdict *verdict_out)
{
	struct link_window *common = must_alloc((callwhen->count + 1) * sizeof(*common));
	size_t common_count = 0;

	*verdict_out = (struct callwhen_verdict){ .again = INT64_MAX };
	for (size_t i = 0; i < callwhen->count; i++)
		if (callwhen->lines[i].trigger == HOURS)
			common[common_count++] = callwhen->lines[i].hours;
	for (size_t i = 0; i < callwhen->count; i++) {
		const struct callwhen_line *line = &callwhen->lines[i];
		struct hours hours = { common, common_count };
		int64_t at;

		if (line->has_hours)
			hours = (struct hours){ &line->hours, 1 };
		at = due(line, &hours, facts);
		if (at == INT64_MAX)
			continue;
		at = open_from(&hours, at > facts->now ? at : facts->now);
		bring_forward(verdict_out, at, line->text);
	}
	if (callwhen->count && facts->retry) {
		const struct hours hours = { common, common_count };

		bring_forward(verdict_out,
			      open_from(&hours, facts->retry > facts->now ? facts->retry
									  : facts->now),
			      "a server has asked for mail to be sent again");
	}
	free(common);
	verdict_out->call = verdict_out->again <= facts->now;
}
