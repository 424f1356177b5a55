#include "link/usage.h"

#include "link/budget.h"
#include "link/cost.h"
#include "link/period.h"

static void add(uint64_t *used, uint64_t before, uint64_t after)
{
	if (*used == USAGE_UNKNOWN)
		return;
	if (after < before)
		*used = *used > before - after ? *used - (before - after) : 0;
	else if (after - before < USAGE_UNKNOWN - *used)
		*used += after - before;
	else
		*used = USAGE_UNKNOWN;
}

/* The period is over; day: the name of the present one. */
static void begin_period(struct usage_period *period, const struct linkfile *file,
			 enum link_period kind, int64_t day)
{
	struct usage_period next = { .first_day = day };
	bool follows = period_after(kind, period->first_day) == day;

	for (size_t i = 0; i < file->budget.count; i++) {
		const struct link_budget *budget = &file->budgets[i];
		uint64_t left = budget->amount;

		if (budget->period != kind || !budget->carried)
			continue;
		/* In between was at least one of which nothing was used. */
		if (follows)
			left = budget_left(budget, period);
		next.carried[budget->unit] =
			left < budget->amount ? left : budget->amount;
	}
	*period = next;
}

static void use_up(struct usage_period *period, int64_t day)
{
	*period = (struct usage_period){ .first_day = day };
	for (size_t i = 0; i < LINK_UNITS; i++)
		period->used[i] = USAGE_UNKNOWN;
}

void usage_turn(struct usage *usage, const struct linkfile *file, int64_t now)
{
	for (unsigned i = 0; i < LINK_PERIODS; i++) {
		struct usage_period *period = &usage->periods[i];
		enum link_period kind = (enum link_period)i;
		int64_t day = period_of(kind, file->month_day, now);

		if (usage->damaged)
			use_up(period, day);
		else if (!period->first_day)
			period->first_day = day;
		else if (day > period->first_day)
			begin_period(period, file, kind, day);
		else if (day == period->first_day)
			period->ahead_s = 0;
		else if (period->ahead_s >= (uint64_t)period_longest_s(kind))
			*period = (struct usage_period){ .first_day = day };
	}
	usage->damaged = false;
}

void usage_pass(struct usage *usage, const struct linkfile *file, int64_t now,
		uint64_t seconds)
{
	usage_turn(usage, file, now);
	for (unsigned i = 0; i < LINK_PERIODS; i++) {
		struct usage_period *period = &usage->periods[i];

		if (period_of((enum link_period)i, file->month_day, now) <
		    period->first_day)
			period->ahead_s += seconds;
	}
}

void usage_begin_call(struct usage *usage, const struct linkfile *file, int64_t now,
		      int64_t since)
{
	uint64_t costs = cost_of_call(&file->price, 0, 0);

	usage_turn(usage, file, now);
	usage->call = (struct usage_call){ .since = since };
	for (size_t i = 0; i < LINK_PERIODS; i++) {
		add(&usage->periods[i].used[LINK_CALLS], 0, 1);
		add(&usage->periods[i].used[LINK_MONEY], 0, costs);
	}
}

void usage_set_call(struct usage *usage, const struct linkfile *file, int64_t now,
		    uint64_t bytes, uint64_t seconds)
{
	const struct usage_call before = usage->call;
	uint64_t cost_before = cost_of_call(&file->price, before.bytes, before.seconds);
	uint64_t cost_after = cost_of_call(&file->price, bytes, seconds);

	usage_turn(usage, file, now);
	for (size_t i = 0; i < LINK_PERIODS; i++) {
		uint64_t *used = usage->periods[i].used;

		add(&used[LINK_BYTES], before.bytes, bytes);
		add(&used[LINK_SECONDS], before.seconds, seconds);
		add(&used[LINK_MONEY], cost_before, cost_after);
	}
	usage->call.bytes = bytes;
	usage->call.seconds = seconds;
}
