/*
 * Which link this pickup goes over, what it may use of it, and what it has used: bytes,
 * as far as the link's budgets leave them, and time, until it closes. Whether it may
 * begin at all is for the one who started it (link/allowance.h).
 *
 * What no longer fits is not begun, smaller messages that do are. At the end itself it
 * stops, in the middle of a message too, which is then fetched another time.
 */
#ifndef LONTAR_PICKUP_METER_H
#define LONTAR_PICKUP_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "link/allowance.h"
#include "link/bind.h"

struct work;

struct meter {
	struct link_note link; /* its name is "" where none is known */
	char bind_to[LINK_BIND_MAX];
	uint64_t most_bytes;   /* in all; ALLOWANCE_UNLIMITED */
	int64_t until;         /* wall clock seconds; INT64_MAX: no end */
	uint64_t closed_bytes; /* used by connections that are gone */
	uint64_t kept;         /* messages that did not fit, of this listing */
	uint64_t kept_bytes;
};

/* Chooses the link. */
void meter_begin(struct work *work);
/* LINK_ALLOW. */
void meter_allow(struct work *work, uint64_t most_bytes, int64_t until);

/* So far, on the link. */
uint64_t meter_used(const struct work *work);
/* A message of so many octets may be begun; begun_octets are under way. What may not is
 * counted. */
bool meter_takes(struct work *work, uint64_t octets, uint64_t begun_octets);
/* About so many bytes of the link that one of so many octets takes. */
uint64_t meter_cost(uint64_t octets);
/* Stops the pickup where the end has come. */
void meter_look(struct work *work);

#endif
