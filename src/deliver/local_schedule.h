/*
 * When a local delivery that failed for now is tried again: qmail's schedule, quadratic
 * in the message's age, so that a mailbox that is mended soon is filled soon, and one
 * that is not costs little. In seconds of the wall clock.
 */
#ifndef DELIVER_LOCAL_SCHEDULE_H
#define DELIVER_LOCAL_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "link/order.h"

/* At birth + (floor(sqrt(age)) + 10) squared: 0, 100, 400, 900, ... s where each try is
 * punctual. */
int64_t local_next_try(int64_t birth, int64_t now);

/* That try was the last: the message is older than lifetime_s, and was really tried: a
 * gateway that was off for a week has not. */
#define LOCAL_TRIES_MIN ORDER_TRIES_MIN
bool local_is_expired(int64_t birth, int64_t now, unsigned attempts, uint64_t lifetime_s);

/* A try due further away than any back-off is a clock's mistake: it is due now. */
bool local_is_due(int64_t not_before, int64_t now);

#endif
