/*
 * Limits in bytes that may be absent. Settings write an absent limit as 0; the code holds
 * it as LIMIT_NONE, so that the smaller of two limits is the one that counts and no
 * comparison needs to ask whether there is a limit.
 */
#ifndef BASE_LIMIT_H
#define BASE_LIMIT_H

#include <stdint.h>

#define LIMIT_NONE UINT64_MAX

/* The value of a setting in which 0 means "any size". */
static inline uint64_t limit_of_setting(uint64_t setting)
{
	return setting ? setting : LIMIT_NONE;
}

static inline uint64_t limit_least(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

/* What is left of a limit after a part of it was used, never below 0. Any part of no
 * limit leaves no limit. */
static inline uint64_t limit_left(uint64_t limit, uint64_t used)
{
	if (limit == LIMIT_NONE)
		return LIMIT_NONE;
	return limit > used ? limit - used : 0;
}

#endif
