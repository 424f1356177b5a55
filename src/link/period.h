/*
 * Days, weeks and months of budgets, by the local calendar. A period is named by its
 * first day as a number, 20261101: that says the same in every zone, so that a boat that
 * goes round the world is not given a budget twice.
 */
#ifndef LINK_PERIOD_H
#define LINK_PERIOD_H

#include <stdint.h>

#include "control/link_terms.h"

/* The one that now (wall clock seconds) is in. month_day: 1 to 28, when a month begins.
 */
int64_t period_of(enum link_period period, unsigned month_day, int64_t now);

/* The name of the one that follows. */
int64_t period_after(enum link_period period, int64_t first_day);

/* Wall clock seconds at which it is over. */
int64_t period_end(enum link_period period, int64_t first_day);

/* Seconds of the longest of its kind. */
int64_t period_longest_s(enum link_period period);

#endif
