/* What the use of a link costs (control/link_terms.h), in billionths of its currency. */
#ifndef LINK_COST_H
#define LINK_COST_H

#include <stdint.h>

#include "control/link_terms.h"

/* One call in which so much was used: bytes by the byte, time by each part of it that was
 * begun, as it is billed. A fraction of a billionth counts as one. */
uint64_t cost_of_call(const struct link_cost *cost, uint64_t bytes, uint64_t seconds);

/* A megabyte more over a link that is up, by which links are compared; speed_bps: of the
 * link, 0 where it is not known. */
uint64_t cost_of_megabyte(const struct link_cost *cost, uint64_t speed_bps);

/* How many bytes that buys; UINT64_MAX where they cost nothing. */
uint64_t cost_buys_bytes(const struct link_cost *cost, uint64_t money);

/* How many seconds a call that has lasted so long may go on for that; INT64_MAX where
 * time costs nothing. What was begun is paid already. */
int64_t cost_buys_seconds(const struct link_cost *cost, uint64_t money,
			  uint64_t call_seconds);

#endif
