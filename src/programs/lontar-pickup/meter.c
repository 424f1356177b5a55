#include "programs/lontar-pickup/meter.h"

#include <stdio.h>

#include "base/clock.h"
#include "programs/lontar-pickup/pickup.h"
#include "programs/lontar-pickup/provider_connection.h"

/* Beside a message itself: headers and acknowledgements of TCP and IP for each segment;
 * its commands and their answers. */
#define COST_SHARE   16
#define COST_MESSAGE UINT64_C(400)

/* So much must have come before a rate is believed. */
#define RATE_BYTES UINT64_C(16384)

void meter_begin(struct work *work)
{
	struct meter *meter = &work->meter;
	struct link_choice choice = { .up = false };

	*meter = (struct meter){ .most_bytes = ALLOWANCE_UNLIMITED, .until = INT64_MAX };
	work->most_octets = work->pickup.maxsize;
	/* Whether it is open was judged by who started us. */
	(void)link_choose(work->root_fd, work->control_fd, LINK_FOR_PICKUP,
			  work->pickup.name, clock_wall_s(), &choice);
	if (!choice.up)
		return;
	meter->link = choice.link;
	if (!link_bind_to(work->control_fd, &choice.link, work->pickup.host,
			  meter->bind_to))
		meter->bind_to[0] = '\0';
	if (choice.allowance.maxsize &&
	    (!work->most_octets || choice.allowance.maxsize < work->most_octets))
		work->most_octets = choice.allowance.maxsize;
	/* Else lontar-link tells, and knows better. */
	if (work->alone) {
		meter->most_bytes = choice.allowance.bytes;
		meter->until = choice.allowance.budget_until;
	}
}

void meter_allow(struct work *work, uint64_t most_bytes, int64_t until)
{
	work->meter.most_bytes = most_bytes;
	work->meter.until = until;
	meter_look(work);
}

uint64_t meter_used(const struct work *work)
{
	return work->meter.closed_bytes + provider_connection_used(work->connection);
}

static uint64_t less(uint64_t whole, uint64_t part)
{
	return whole > part ? whole - part : 0;
}

/* Bytes a second; 0: not known. */
static uint64_t rate_of(const struct work *work)
{
	uint64_t used = provider_connection_used(work->connection);
	int64_t ms = provider_connection_age_ms(work->connection);

	if (used >= RATE_BYTES && ms > 0)
		return used * 1000 / (uint64_t)ms;
	return work->meter.link.speed_bps / 8;
}

/* Bytes that the link moves until its end; while its rate is not known, any number. */
static uint64_t room_in_time(const struct work *work)
{
	const struct meter *meter = &work->meter;
	int64_t left_s = meter->until - clock_wall_s();
	uint64_t rate;

	if (meter->until == INT64_MAX)
		return UINT64_MAX;
	if (left_s <= 0)
		return 0;
	rate = rate_of(work);
	return !rate || (uint64_t)left_s > UINT64_MAX / rate ? UINT64_MAX
							     : (uint64_t)left_s * rate;
}

uint64_t meter_cost(uint64_t octets)
{
	return octets + octets / COST_SHARE + COST_MESSAGE;
}

bool meter_takes(struct work *work, uint64_t octets, uint64_t begun_octets)
{
	struct meter *meter = &work->meter;
	uint64_t begun = begun_octets ? meter_cost(begun_octets) : 0;
	uint64_t room = room_in_time(work), budget;

	if (meter->most_bytes != ALLOWANCE_UNLIMITED) {
		budget = less(meter->most_bytes, meter_used(work));
		room = budget < room ? budget : room;
	}
	if (room == UINT64_MAX || meter_cost(octets) <= less(room, begun))
		return true;
	meter->kept++;
	meter->kept_bytes += octets;
	return false;
}

void meter_look(struct work *work)
{
	const struct meter *meter = &work->meter;

	if (work->stopping)
		return;
	if (meter->until != INT64_MAX && clock_wall_s() >= meter->until)
		work_stop(work, "the time of the link is over");
	else if (meter->most_bytes != ALLOWANCE_UNLIMITED &&
		 meter_used(work) >= meter->most_bytes)
		work_stop(work, "the budget of the link is used up");
}
