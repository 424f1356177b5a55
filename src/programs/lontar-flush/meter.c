#include "programs/lontar-flush/meter.h"

#include "base/clock.h"
#include "programs/lontar-flush/direct.h"
#include "programs/lontar-flush/flush.h"

void meter_begin(struct flush *flush, const struct link_choice *choice)
{
	struct meter *meter = &flush->meter;

	*meter = (struct meter){ .most_bytes = ALLOWANCE_UNLIMITED, .until = INT64_MAX };
	if (!choice->up)
		return;
	meter->maxsize = choice->allowance.maxsize;
	meter->lowest = choice->allowance.lowest;
	meter->most_bytes = choice->allowance.bytes;
	/* A closed one was opened by a person. */
	meter->until = choice->allowance.open && !flush->alone
			       ? choice->allowance.until
			       : choice->allowance.budget_until;
}

void meter_allow(struct flush *flush, uint64_t most_bytes, int64_t until)
{
	struct meter *meter = &flush->meter;
	bool more = most_bytes > meter->most_bytes || until > meter->until;

	meter->most_bytes = most_bytes;
	meter->until = until;
	meter_look(flush);
	if (flush->direct)
		direct_allow(flush->direct);
	if (more)
		flush_look_again(flush);
}

uint64_t meter_used(const struct flush *flush)
{
	return flush->meter.closed_bytes + lanes_used(flush) +
	       (flush->direct ? direct_used(flush->direct) : 0);
}

static uint64_t less(uint64_t whole, uint64_t part)
{
	return whole > part ? whole - part : 0;
}

static uint64_t room_of(const struct flush *flush, uint64_t bytes, uint64_t taken)
{
	uint64_t left = bytes == UINT64_MAX ? bytes : less(bytes, taken);

	return flush->connected ? left : order_room(left);
}

/* The link's, as measured while something waited for it, or as its hook told; 0: not
 * known. What little mail was seen to take is no measure: large mail would wait for ever.
 */
static uint64_t rate_of(const struct lanes *lanes)
{
	uint64_t measured = lanes->pace.bytes_per_s, told = lanes->link.speed_bps / 8;

	if (lanes->pace.filled || (told && measured > told))
		return measured;
	return told;
}

/* Bytes that the link moves until its end; while its rate is not known, any number. */
static uint64_t room_in_time(const struct flush *flush)
{
	const struct meter *meter = &flush->meter;
	int64_t left_s = meter->until - clock_wall_s();
	uint64_t rate = rate_of(&flush->lanes);

	if (meter->until == INT64_MAX)
		return UINT64_MAX;
	if (left_s <= 0)
		return 0;
	if (!rate || (uint64_t)left_s > UINT64_MAX / rate)
		return UINT64_MAX;
	return (uint64_t)left_s * rate;
}

struct order_limits meter_limits(const struct flush *flush)
{
	const struct meter *meter = &flush->meter;
	struct order_limits limits = { .maxsize = meter->maxsize,
				       .lowest = meter->lowest,
				       .room = UINT64_MAX };
	uint64_t begun, in_time;

	if (meter->most_bytes == ALLOWANCE_UNLIMITED && meter->until == INT64_MAX)
		return limits;
	begun = lanes_begun_cost(flush);
	in_time = room_of(flush, room_in_time(flush), begun);
	limits.room = room_of(flush, meter->most_bytes, meter_used(flush) + begun);
	if (in_time < limits.room)
		limits.room = in_time;
	return limits;
}

void meter_look(struct flush *flush)
{
	const struct meter *meter = &flush->meter;

	if (meter->until != INT64_MAX && clock_wall_s() >= meter->until)
		flush_cut(flush, "the time of the link is over");
	else if (meter->most_bytes != ALLOWANCE_UNLIMITED &&
		 meter_used(flush) >= meter->most_bytes)
		flush_cut(flush, "the budget of the link is used up");
}
