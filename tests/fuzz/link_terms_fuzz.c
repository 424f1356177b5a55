/* Whatever a line of a link's file says, its terms stay within their bounds, and what
 * follows from them for a clock does too. */
#include <assert.h>
#include <stdint.h>

#include "control/link_terms.h"
#include "link/cost.h"
#include "link/window.h"

#define NOW INT64_C(1795384000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span line = { (const char *)data, size };
	struct link_cost cost = { .per_call = 0 };
	struct link_window window;
	struct link_budget budget;
	struct err err = { 0 };

	if (link_window_parse(line, &window, &err)) {
		assert(window.days && window.days < 128);
		assert(window.from < 1440 && window.to <= 1440 &&
		       window.from != window.to);
		assert(window_change(&window, 1, NOW) > NOW);
	}
	if (link_budget_parse(line, &budget, &err)) {
		assert(budget.amount && budget.amount <= INT64_MAX);
		assert(budget.month_day >= 1 && budget.month_day <= 28);
		assert(!budget.currency[0] == (budget.unit != LINK_MONEY));
	}
	if (link_cost_parse(line, &cost, &err)) {
		assert(cost.currency[0] || !size);
		assert(!cost.per_bytes || cost.bytes);
		assert(!cost.per_time || cost.seconds);
		assert(cost_of_call(&cost, UINT64_MAX, UINT64_MAX) >=
		       cost_of_call(&cost, 1, 1));
	}
	return 0;
}
