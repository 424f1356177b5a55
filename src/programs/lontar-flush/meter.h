/*
 * What this flush may use of its link, and what it has used: bytes, as far as the link's
 * budgets leave them, and time, until it closes. Whether it may begin at all is for the
 * one who started it (link/allowance.h).
 *
 * What no longer fits is not begun, smaller messages that do go on. At the end itself,
 * which retransmissions or another flush on the same link may bring early, nothing more
 * is written, in the middle of a message too.
 */
#ifndef LONTAR_FLUSH_METER_H
#define LONTAR_FLUSH_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "link/allowance.h"
#include "link/order.h"

struct flush;

struct meter {
	uint64_t most_bytes; /* in all; ALLOWANCE_UNLIMITED */
	int64_t until;       /* wall clock seconds; INT64_MAX: no end */
	uint64_t maxsize;    /* see struct order_limits */
	unsigned lowest;
	uint64_t closed_bytes; /* used by connections that are gone */
};

/* By the choice of a link; nothing is known to be up: no limits. lontar-link, where there
 * is one, knows better and tells soon. */
void meter_begin(struct flush *flush, const struct link_choice *choice);
/* LINK_ALLOW. */
void meter_allow(struct flush *flush, uint64_t most_bytes, int64_t until);

/* So far, on the link. */
uint64_t meter_used(const struct flush *flush);
/* What may be begun now; what is begun already is set aside. */
struct order_limits meter_limits(const struct flush *flush);
/* Stops the flush where the end has come. */
void meter_look(struct flush *flush);

#endif
