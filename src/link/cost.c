#include "link/cost.h"

#define MEGABYTE          (UINT64_C(1) << 20)
#define SPEED_UNKNOWN_BPS 33600 /* a telephone line: time is dear */

/* amount * price / per, a fraction as one more; what runs over is the most there is. */
static uint64_t share(uint64_t amount, uint64_t price, uint64_t per)
{
	unsigned __int128 whole;

	if (!price || !per)
		return 0;
	whole = ((unsigned __int128)amount * price + per - 1) / per;
	return whole > UINT64_MAX ? UINT64_MAX : (uint64_t)whole;
}

static uint64_t plus(uint64_t one, uint64_t other)
{
	return one > UINT64_MAX - other ? UINT64_MAX : one + other;
}

static uint64_t begun(const struct link_cost *cost, uint64_t seconds)
{
	return seconds / cost->seconds + (seconds % cost->seconds != 0);
}

uint64_t cost_of_call(const struct link_cost *cost, uint64_t bytes, uint64_t seconds)
{
	uint64_t time = 0;

	if (cost->per_time)
		time = share(begun(cost, seconds), cost->per_time, 1);
	return plus(plus(cost->per_call, time),
		    share(bytes, cost->per_bytes, cost->bytes));
}

uint64_t cost_of_megabyte(const struct link_cost *cost, uint64_t speed_bps)
{
	uint64_t speed = speed_bps ? speed_bps : SPEED_UNKNOWN_BPS;

	return plus(share(MEGABYTE, cost->per_bytes, cost->bytes),
		    share(MEGABYTE * 8 / speed, cost->per_time, cost->seconds));
}

uint64_t cost_buys_bytes(const struct link_cost *cost, uint64_t money)
{
	unsigned __int128 bytes;

	if (!cost->per_bytes)
		return UINT64_MAX;
	bytes = (unsigned __int128)money * cost->bytes / cost->per_bytes;
	return bytes > UINT64_MAX ? UINT64_MAX : (uint64_t)bytes;
}

int64_t cost_buys_seconds(const struct link_cost *cost, uint64_t money,
			  uint64_t call_seconds)
{
	unsigned __int128 seconds;

	if (!cost->per_time)
		return INT64_MAX;
	seconds =
		(unsigned __int128)(begun(cost, call_seconds) + money / cost->per_time) *
			cost->seconds -
		call_seconds;
	return seconds > INT64_MAX ? INT64_MAX : (int64_t)seconds;
}
