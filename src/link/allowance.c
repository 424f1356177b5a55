#include "link/allowance.h"

#include <stdio.h>

#include "base/clock.h"
#include "link/budget.h"
#include "link/period.h"
#include "link/window.h"

#define LINE_SHOWN 60

/* When it begins anew; a clock that was put back is believed in the end (link/usage.h).
 */
static int64_t budget_again(const struct link_budget *budget, const struct usage *usage,
			    int64_t now)
{
	const struct usage_period *period = &usage->periods[budget->period];
	int64_t end = period_end(budget->period, period->first_day);
	int64_t believed = period_longest_s(budget->period) - (int64_t)period->ahead_s;

	if (period_of(budget->period, budget->month_day, now) >= period->first_day)
		return end;
	return end < now + believed ? end : now + believed;
}

/* Of the spent budgets the one that begins anew last, or -1. */
static int find_spent(const struct linkfile *file, const struct usage *usage, bool up,
		      int64_t now, int64_t *again_out)
{
	int found = -1;

	for (size_t i = 0; i < file->budget.count; i++) {
		const struct link_budget *budget = &file->budgets[i];
		int64_t again;

		if (!budget_room(budget, &file->price, usage, up).spent)
			continue;
		again = budget_again(budget, usage, now);
		if (found < 0 || again > *again_out) {
			found = (int)i;
			*again_out = again;
		}
	}
	return found;
}

/* The first moment from `from` on at which a window is open; INT64_MAX: none. */
static int64_t next_opening(const struct linkfile *file, int64_t from)
{
	if (window_is_open(file->windows, file->window.count, from))
		return from;
	return window_change(file->windows, file->window.count, from);
}

static void tell_spent(const struct linkfile *file, int spent, int64_t again, int64_t now,
		       struct allowance *allowance)
{
	int64_t opening = next_opening(file, again);
	char when[CLOCK_TEXT_MAX];

	allowance->spent = true;
	allowance->bytes = 0;
	allowance->again = opening == INT64_MAX ? 0 : opening;
	snprintf(allowance->why, sizeof(allowance->why),
		 "the budget of link %s (%.*s) is spent until %s", file->name, LINE_SHOWN,
		 file->budget.lines[spent], clock_format_local(again, now, when));
}

static void tell_closed(const struct linkfile *file, int64_t now,
			struct allowance *allowance)
{
	int64_t opening = next_opening(file, now);
	char when[CLOCK_TEXT_MAX];

	if (opening == INT64_MAX) {
		snprintf(allowance->why, sizeof(allowance->why),
			 "no window of link %s opens in the next two weeks", file->name);
		return;
	}
	allowance->again = opening;
	snprintf(allowance->why, sizeof(allowance->why),
		 "the window of link %s opens at %s", file->name,
		 clock_format_local(opening, now, when));
}

static void bound_by_budgets(const struct linkfile *file, const struct usage *usage,
			     bool up, int64_t now, struct allowance *allowance)
{
	for (size_t i = 0; i < file->budget.count; i++) {
		struct budget_room room =
			budget_room(&file->budgets[i], &file->price, usage, up);

		int64_t again = budget_again(&file->budgets[i], usage, now);

		if (again < allowance->more)
			allowance->more = again;
		if (room.bytes < allowance->bytes)
			allowance->bytes = room.bytes;
		/* Time is used while the link is up, and only then. */
		if (up && room.seconds < allowance->budget_until - now)
			allowance->budget_until = now + room.seconds;
	}
}

void link_allowance_of(const struct linkfile *file, const struct usage *usage, bool up,
		       int64_t now, struct allowance *allowance_out)
{
	int64_t again = 0, closing = INT64_MAX;
	int spent = find_spent(file, usage, up, now, &again);

	*allowance_out = (struct allowance){
		.until = INT64_MAX,
		.budget_until = INT64_MAX,
		.more = INT64_MAX,
		.bytes = ALLOWANCE_UNLIMITED,
		.maxsize = limit_of_setting(file->maxsize),
		.calls = { .largest = LIMIT_NONE },
		.lowest = file->priority,
	};
	bound_by_budgets(file, usage, up, now, allowance_out);
	if (spent >= 0) {
		tell_spent(file, spent, again, now, allowance_out);
		return;
	}
	if (!window_is_open(file->windows, file->window.count, now)) {
		tell_closed(file, now, allowance_out);
		return;
	}
	closing = window_change(file->windows, file->window.count, now);
	allowance_out->open = true;
	allowance_out->until = closing < allowance_out->budget_until
				       ? closing
				       : allowance_out->budget_until;
}

void link_allowance(int root_fd, const struct linkfile *file, int64_t now,
		    struct allowance *allowance_out)
{
	struct usage usage = { 0 };
	struct link_note note;

	link_note_read(root_fd, file->name, &note);
	if (file->budget.count) {
		usage_read(root_fd, file->name, &usage);
		usage_turn(&usage, file, now);
	}
	link_allowance_of(file, &usage, note.up, now, allowance_out);
}
