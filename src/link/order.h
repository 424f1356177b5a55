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

/* How long it has waited, in seconds with a link up, now that there have been link_up_s
 * of them (link_up_seconds); 0 where nobody knows since when: a name without L=, or from
 * before the count was lost. */
uint64_t order_waited_s(const struct parked_name *name, uint64_t link_up_s);

/* An attempt that the server answered with "later" was the last one: it has waited longer
 * than lifetime_s with a link up and was really tried, this attempt counted, so often; or
 * longer than ceiling_s, which the clock on the wall measures (0: none). Time offline
 * alone never counts. */
#define ORDER_TRIES_MIN 10
struct order_age {
	int64_t now; /* wall clock seconds */
	uint64_t link_up_s;
	uint64_t lifetime_s;
	uint64_t ceiling_s;
};
bool order_is_expired(const struct parked_name *name, const struct order_age *age);

/* Bytes that a message counts as: after an hour a sixtieth of what it has. */
double order_weight(const struct parked_name *name, int64_t now);
/* Compares as qsort does: negative where one goes first. now: wall clock seconds. */
int order_compare(const struct parked_name *one, const struct parked_name *other,
		  int64_t now);

/* What a link takes, and what is left of it (link/allowance.h). */
struct order_limits {
	uint64_t maxsize; /* of one message, bytes on the wire; 0: any */
	unsigned lowest;  /* the least priority (mail/priority.h) */
	uint64_t room; /* bytes that may still be used, all headers counted; UINT64_MAX:
			  any number */
};
/* Bytes of the link that sending it takes: with TCP's and IP's headers and the
 * conversation about it, about. */
uint64_t order_cost(const struct parked_name *name);
/* The largest message, bytes on the wire, for one recipient, whose order_cost is at most
 * so much. UINT64_MAX stays what it is. */
uint64_t order_largest(uint64_t bytes);
/* Of so many bytes of a link those that are left for mail when a connection has been made
 * (greeting, TLS with its certificates, login). UINT64_MAX stays what it is. */
uint64_t order_room(uint64_t bytes);
/* Of a size and a priority that the link takes, or a person wants it sent over any. */
bool order_is_taken(const struct parked_name *name, const struct order_limits *limits);
/* Likewise, and there is room for it; a person's word makes none. */
bool order_fits(const struct parked_name *name, const struct order_limits *limits);

struct order_rules {
	int64_t now;        /* wall clock seconds */
	int64_t call_began; /* likewise */
	uint64_t uncertainwait_s;
	bool ignore_not_before; /* the link came up, or the operator said now ... */
	bool but_tried;         /* ... but not of what was tried since the call began */
	struct order_limits limits; /* for order_fits */
};

/* May be sent now, as far as it depends on the message alone: waiting and its time has
 * come, or uncertain since uncertainwait_s and from an earlier call (its N= is when it
 * became so and that wait). */
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
