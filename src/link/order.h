/*
 * In which order parked mail is sent, and when a message that failed is tried again.
 *
 * Priority first, then the smallest, with ageing: each minute of waiting makes a message
 * count as smaller, so that a large one is overtaken for a while and not for ever.
 */
#ifndef LINK_ORDER_H
#define LINK_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/parked_name.h"

/* The longest back-off: an N= further away than this is the work of a clock that was
 * wrong, and is ignored. */
#define ORDER_BACKOFF_MAX_S 86400

/* qmail's schedule: the n-th attempt is due (20 n) squared seconds after the first,
 * 0, 400, 1600, 3600, ...; this is the step after `attempts` of them. */
int64_t order_backoff_s(unsigned attempts);

/* Bytes that a message counts as: after an hour a sixtieth of what it has. */
double order_weight(const struct parked_name *name, int64_t now);
/* Compares as qsort does: negative where one goes first. now: wall clock seconds. */
int order_compare(const struct parked_name *one, const struct parked_name *other,
		  int64_t now);

struct order_rules {
	int64_t now;        /* wall clock seconds */
	int64_t call_began; /* likewise */
	uint64_t uncertainwait_s;
	bool ignore_not_before; /* the link came up, or the operator said now ... */
	bool but_tried;         /* ... but not of what was tried since the call began */
};

/* May be sent now: waiting and its time has come, or uncertain since uncertainwait_s and
 * from an earlier call (its N= is when it became so and that wait). */
bool order_is_due(const struct parked_name *name, const struct order_rules *rules);

/* Sorts by order_compare. */
void order_sort(struct parked_name *names, size_t count, int64_t now);

/* Of very many those that go first, without keeping all: { .most = N, .now = NOW }. */
struct order_pick {
	size_t most;
	int64_t now;
	size_t count;
	struct parked_name *names;
	struct order_weighed *heap; /* the last to go on top */
};
/* False: it, or another that it takes the place of, is left out. */
bool order_pick_add(struct order_pick *pick, const struct parked_name *name);
/* The picked ones in order, pick->count of them; the caller frees them. The pick is as it
 * was at first. */
struct parked_name *order_pick_take(struct order_pick *pick);
void order_pick_clear(struct order_pick *pick);

#endif
