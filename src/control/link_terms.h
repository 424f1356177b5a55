/*
 * What a link's lines window, budget and cost say (control/links/NAME): when it may be
 * used, how much of it, and at what price. Words only; what they mean at a given moment
 * is said by link/window.h, link/budget.h and link/cost.h.
 *
 *   window  [DAYS] [FROM-TO]        daily 02:00-02:20; mon-fri 18:00-08:00; sat,sun
 *   budget  AMOUNT per PERIOD [from DAY] [carried]
 *                                   20m per month; 90 minutes per week; 5.00 EUR per day
 *   cost    PRICE per [N] UNIT[, ...]   0.50 EUR per mb, 0.20 EUR per call
 */
#ifndef CONTROL_LINK_TERMS_H
#define CONTROL_LINK_TERMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"

/* Open while a local clock shows a time from `from` until before `to`, on these days. */
struct link_window {
	uint8_t days;  /* bit tm_wday: Sunday is 1 */
	uint16_t from; /* minutes after midnight */
	uint16_t to;   /* at most 1440; where it is not after `from`, of the next day */
};

enum link_unit {
	LINK_BYTES, /* both directions */
	LINK_SECONDS,
	LINK_MONEY, /* billionths of the currency */
	LINK_CALLS,
	LINK_UNITS
};

enum link_period {
	LINK_DAY,
	LINK_WEEK, /* from Monday */
	LINK_MONTH,
	LINK_PERIODS
};

#define LINK_MONEY_ONE    UINT64_C(1000000000) /* of the currency */
#define LINK_MONEY_MAX    (LINK_MONEY_ONE * LINK_MONEY_ONE)
#define LINK_CURRENCY_MAX 12

struct link_budget {
	enum link_unit unit;
	enum link_period period;
	unsigned month_day; /* 1 to 28: when a month begins */
	uint64_t amount;
	bool carried; /* what is left over adds to the next one, one amount at most */
	char currency[LINK_CURRENCY_MAX]; /* of money */
};

/* A part without a price is 0. */
struct link_cost { /* valid when zeroed: free */
	char currency[LINK_CURRENCY_MAX];
	uint64_t per_call;
	uint64_t per_bytes; /* for so many */
	uint64_t bytes;
	uint64_t per_time; /* for each that is begun in a call, of so many seconds */
	uint64_t seconds;
};

/* Lines without comments, key and blanks round them. False: EX_CONFIG with what is wrong
 * and its mend, without the file's name. A part that cost has already is a fault. */
bool link_window_parse(struct span line, struct link_window *window_out,
		       struct err *err) MUST_USE;
bool link_budget_parse(struct span line, struct link_budget *budget_out,
		       struct err *err) MUST_USE;
bool link_cost_parse(struct span line, struct link_cost *cost, struct err *err) MUST_USE;

/* "day", "week", "month" */
const char *link_period_word(enum link_period period);

#endif
