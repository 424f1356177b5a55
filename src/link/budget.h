/* What the budgets of a link leave (control/link_terms.h, link/usage.h). */
#ifndef LINK_BUDGET_H
#define LINK_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "control/link_terms.h"
#include "link/usage.h"

/* Of the budget's own period, in its unit, what was carried into it included. */
uint64_t budget_total(const struct link_budget *budget,
		      const struct usage_period *period);
uint64_t budget_left(const struct link_budget *budget, const struct usage_period *period);

struct budget_room {
	bool spent;
	uint64_t bytes;  /* UINT64_MAX: it does not bound them; likewise below */
	int64_t seconds; /* from now on; only while the link is up is time used */
};

/* What it leaves to the call under way, or, where the link is down (up: false), to the
 * next one. */
struct budget_room budget_room(const struct link_budget *budget,
			       const struct link_cost *price, const struct usage *usage,
			       bool up);

/* "20.0 MiB", "1 h 30 min", "5.00 EUR", "3 calls": for people. */
#define BUDGET_TEXT_MAX 48
const char *budget_format(const struct link_budget *budget, uint64_t amount,
			  char text_out[BUDGET_TEXT_MAX]);

#endif
