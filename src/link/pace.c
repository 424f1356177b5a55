#include "link/pace.h"

#define FLIGHT_MIN  UINT64_C(8192)  /* of small messages a few, on the slowest modem */
#define FLIGHT_NEAR UINT64_C(65536) /* where nothing is far away */
#define FLIGHT_MAX  UINT64_C(4194304)
#define NEAR_US     UINT64_C(20000)

static uint64_t on_the_way(const struct pace *pace)
{
	return (uint64_t)((double)pace->bytes_per_s * (double)pace->rtt_us / 1e6);
}

void pace_take(struct pace *pace, const struct pace_sample *sample)
{
	if (!sample->min_rtt_us || !sample->rtt_us)
		return;
	/* Half or twice as far: another link, of which nothing is known. */
	if (!pace->measured && (sample->min_rtt_us > pace->rtt_us * 2 ||
				sample->min_rtt_us < pace->rtt_us / 2)) {
		pace->bytes_per_s = 0;
		pace->filled = false;
	}
	/* Of several connections one may have begun behind the others' mail. */
	if (!pace->measured || sample->min_rtt_us < pace->rtt_us)
		pace->rtt_us = sample->min_rtt_us;
	pace->measured = true;
	pace->window_bytes = sample->window_bytes;
	pace->queues = sample->rtt_us > pace->rtt_us + pace->rtt_us / 8;
	pace->filled = pace->filled || pace->queues;
	pace->full = sample->rtt_us > pace->rtt_us + pace->rtt_us / 4;
	if (sample->bytes_per_s > pace->bytes_per_s)
		pace->bytes_per_s = sample->bytes_per_s;
	else if (pace->full && !sample->idle && sample->bytes_per_s)
		pace->bytes_per_s = (pace->bytes_per_s * 7 + sample->bytes_per_s) / 8;
}

void pace_take_message(struct pace *pace, uint64_t bytes, uint64_t took_us)
{
	uint64_t rate, moving_us;

	pace->took_us = pace->took_us ? (pace->took_us * 3 + took_us) / 4 : took_us;
	if (!pace->rtt_us || took_us <= pace->rtt_us)
		return;
	/* All but the round trip; less than a hundredth of it cannot be told from noise.
	 */
	moving_us = took_us - pace->rtt_us;
	if (moving_us < pace->rtt_us / 100)
		moving_us = pace->rtt_us / 100;
	rate = bytes * 1000000 / (moving_us ? moving_us : 1);
	if (rate > pace->bytes_per_s)
		pace->bytes_per_s = rate;
}

uint64_t pace_flight(const struct pace *pace, uint64_t message_bytes)
{
	uint64_t bytes = on_the_way(pace), least = FLIGHT_MIN;

	if (pace->rtt_us && pace->rtt_us < NEAR_US)
		least = FLIGHT_NEAR;
	if (pace->full) {
		/* Half of a round trip's worth more keeps the link full while answers
		 * are on their way. */
		bytes += bytes / 2 + message_bytes;
	} else {
		bytes = bytes * 2 + message_bytes;
		if (bytes < pace->window_bytes)
			bytes = pace->window_bytes;
	}
	if (bytes < least)
		bytes = least;
	return bytes < FLIGHT_MAX ? bytes : FLIGHT_MAX;
}

unsigned pace_lanes(const struct pace *pace, uint64_t message_bytes, unsigned turns,
		    unsigned busy)
{
	uint64_t lanes = 2;

	if (pace->rtt_us < PACE_SHORT_US)
		return 1;
	if (message_bytes)
		lanes = on_the_way(pace) * turns / message_bytes + 2;
	/* It takes long though nothing waits for the link: the server does its work while
	 * we wait, and can do more of it side by side. */
	if (!pace->queues && pace->took_us > pace->rtt_us * turns * 3 / 2 &&
	    lanes < busy + (busy + 1) / 2)
		lanes = busy + (busy + 1) / 2;
	if (lanes < 2)
		lanes = 2;
	return lanes < PACE_LANES_MAX ? (unsigned)lanes : PACE_LANES_MAX;
}
