#include "deliver/local_schedule.h"

#include <math.h>

#define STEP        10
#define BACKOFF_MAX 86400 /* at an age of 50 years */

int64_t local_next_try(int64_t birth, int64_t now)
{
	int64_t age = now > birth ? now - birth : 0;
	int64_t n = (int64_t)floor(sqrt((double)age)) + STEP;
	int64_t wait = n * n - age;

	return now + (wait < BACKOFF_MAX ? wait : BACKOFF_MAX);
}

bool local_is_expired(int64_t birth, int64_t now, unsigned attempts, uint64_t lifetime_s)
{
	return attempts >= LOCAL_TRIES_MIN && now >= birth &&
	       (uint64_t)(now - birth) >= lifetime_s;
}

bool local_is_due(int64_t not_before, int64_t now)
{
	return not_before <= now || not_before - now > BACKOFF_MAX;
}
