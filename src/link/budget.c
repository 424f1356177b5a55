#include "link/budget.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/number.h"
#include "link/cost.h"

#define CENT (LINK_MONEY_ONE / 100)

uint64_t budget_total(const struct link_budget *budget, const struct usage_period *period)
{
	return budget->amount + (budget->carried ? period->carried[budget->unit] : 0);
}

uint64_t budget_left(const struct link_budget *budget, const struct usage_period *period)
{
	uint64_t total = budget_total(budget, period);
	uint64_t used = period->used[budget->unit];

	return total > used ? total - used : 0;
}

/* What money is left buys bytes and time, each by itself: both are looked at again while
 * they are used. A call that is not begun costs its fee first. */
static struct budget_room room_for_money(uint64_t left, const struct link_cost *price,
					 const struct usage *usage, bool up)
{
	struct budget_room room = { .bytes = UINT64_MAX, .seconds = INT64_MAX };
	uint64_t lasted = up ? usage->call.seconds : 0;

	if (!up) {
		if (left < price->per_call)
			return (struct budget_room){ .spent = true };
		left -= price->per_call;
	}
	room.bytes = cost_buys_bytes(price, left);
	room.seconds = cost_buys_seconds(price, left, lasted);
	room.spent = !room.bytes || !room.seconds;
	return room;
}

struct budget_room budget_room(const struct link_budget *budget,
			       const struct link_cost *price, const struct usage *usage,
			       bool up)
{
	const struct usage_period *period = &usage->periods[budget->period];
	uint64_t left = budget_left(budget, period);
	struct budget_room room = { .spent = !left,
				    .bytes = UINT64_MAX,
				    .seconds = INT64_MAX };

	switch (budget->unit) {
	case LINK_BYTES:
		room.bytes = left;
		break;
	case LINK_SECONDS:
		room.seconds = left > INT64_MAX ? INT64_MAX : (int64_t)left;
		break;
	case LINK_MONEY:
		if (period->used[LINK_MONEY] != USAGE_UNKNOWN)
			room = room_for_money(left, price, usage, up);
		break;
	case LINK_CALLS:
		/* The one under way is the last. */
		room.spent = up ? period->used[LINK_CALLS] > budget_total(budget, period)
				: !left;
		break;
	case LINK_UNITS:
		break;
	}
	return room;
}

const char *budget_format(const struct link_budget *budget, uint64_t amount,
			  char text_out[BUDGET_TEXT_MAX])
{
	char part[CLOCK_TEXT_MAX];

	switch (budget->unit) {
	case LINK_BYTES:
		snprintf(text_out, BUDGET_TEXT_MAX, "%s",
			 number_format_bytes(amount, part));
		break;
	case LINK_SECONDS:
		snprintf(text_out, BUDGET_TEXT_MAX, "%s",
			 clock_format_duration((int64_t)(amount & INT64_MAX), part));
		break;
	case LINK_MONEY:
		snprintf(text_out, BUDGET_TEXT_MAX, "%" PRIu64 ".%02" PRIu64 " %s",
			 amount / LINK_MONEY_ONE, amount % LINK_MONEY_ONE / CENT,
			 budget->currency);
		break;
	case LINK_CALLS:
	case LINK_UNITS:
		snprintf(text_out, BUDGET_TEXT_MAX, "%" PRIu64 " call%s", amount,
			 amount == 1 ? "" : "s");
		break;
	}
	return text_out;
}
