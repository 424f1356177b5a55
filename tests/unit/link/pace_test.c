/* How much is to be under way, by what was seen of the link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "link/pace.h"

#define GEO_US UINT64_C(600000)

static const struct {
	const char *title;
	struct pace pace;
	struct pace_sample samples[4];
	uint64_t message, took_us; /* of one more message, where it took any time */
	unsigned turns, busy;
	uint64_t flight_least, flight_most;
	unsigned lanes_least, lanes_most;
} rows[] = {
	{ .title = "what TCP begins with is the first guess",
	  .samples = { { .rtt_us = GEO_US,
			 .min_rtt_us = GEO_US,
			 .window_bytes = 14480 } },
	  .message = 4096,
	  .turns = 1,
	  .flight_least = 14480,
	  .flight_most = 14480,
	  .lanes_least = 2,
	  .lanes_most = 2 },
	{ .title = "while nothing queues twice as much is tried",
	  .samples = { { .rtt_us = GEO_US,
			 .min_rtt_us = GEO_US,
			 .bytes_per_s = 40000,
			 .window_bytes = 14480,
			 .idle = true } },
	  .message = 4096,
	  .turns = 1,
	  .flight_least = 48000,
	  .flight_most = 53000,
	  .lanes_least = 7,
	  .lanes_most = 8 },
	{ .title = "a full link gets a round trip and a half",
	  .samples = { { .rtt_us = GEO_US * 3 / 2,
			 .min_rtt_us = GEO_US,
			 .bytes_per_s = 62000,
			 .window_bytes = 140000 } },
	  .message = 4096,
	  .turns = 1,
	  .flight_least = 55800,
	  .flight_most = 60000,
	  .lanes_least = 10,
	  .lanes_most = 12 },
	{ .title = "a rate that is not reached any more is forgotten, slowly",
	  .pace = { .rtt_us = GEO_US, .bytes_per_s = 80000 },
	  .samples = { { .rtt_us = GEO_US * 2,
			 .min_rtt_us = GEO_US,
			 .bytes_per_s = 40000 } },
	  .message = 4096,
	  .turns = 1,
	  .flight_least = 67500,
	  .flight_most = 73000,
	  .lanes_least = 12,
	  .lanes_most = 13 },
	{ .title = "what a sender with little to send saw is no lower rate",
	  .pace = { .rtt_us = GEO_US, .bytes_per_s = 60000 },
	  .samples = { { .rtt_us = GEO_US * 2,
			 .min_rtt_us = GEO_US,
			 .bytes_per_s = 1000,
			 .idle = true } },
	  .message = 4096,
	  .turns = 1,
	  .flight_least = 54000,
	  .flight_most = 60000,
	  .lanes_least = 10,
	  .lanes_most = 11 },
	{ .title = "another link's rate is not believed",
	  .pace = { .rtt_us = 50000, .bytes_per_s = 1250000 },
	  .samples = { { .rtt_us = GEO_US,
			 .min_rtt_us = GEO_US,
			 .window_bytes = 14480 } },
	  .message = 4096,
	  .turns = 1,
	  .flight_least = 14480,
	  .flight_most = 14480,
	  .lanes_least = 2,
	  .lanes_most = 2 },
	{ .title = "one message tells the rate: all but the round trip",
	  .samples = { { .rtt_us = GEO_US,
			 .min_rtt_us = GEO_US,
			 .window_bytes = 14480 } },
	  .message = 4300,
	  .took_us = GEO_US + 68000,
	  .turns = 1,
	  .flight_least = 70000,
	  .flight_most = 82000,
	  .lanes_least = 10,
	  .lanes_most = 11 },
	{ .title = "a modem is full of two messages",
	  .samples = { { .rtt_us = 540000,
			 .min_rtt_us = 180000,
			 .bytes_per_s = 4000,
			 .window_bytes = 14480 } },
	  .message = 2400,
	  .took_us = 760000,
	  .turns = 1,
	  .busy = 1,
	  .flight_least = 8192,
	  .flight_most = 8192,
	  .lanes_least = 2,
	  .lanes_most = 2 },
	{ .title = "a server that takes its time does so side by side",
	  .samples = { { .rtt_us = 50000,
			 .min_rtt_us = 50000,
			 .bytes_per_s = 80000,
			 .window_bytes = 14480,
			 .idle = true } },
	  .message = 4096,
	  .took_us = 550000,
	  .turns = 1,
	  .busy = 4,
	  .flight_least = 14480,
	  .flight_most = 14480,
	  .lanes_least = 6,
	  .lanes_most = 6 },
	{ .title = "a near server needs one connection",
	  .samples = { { .rtt_us = 200,
			 .min_rtt_us = 40,
			 .bytes_per_s = 900000000,
			 .window_bytes = 14480 } },
	  .message = 4096,
	  .turns = 4,
	  .busy = 1,
	  .flight_least = 65536,
	  .flight_most = 65536,
	  .lanes_least = 1,
	  .lanes_most = 1 },
	{ .title = "there are never more than the most",
	  .samples = { { .rtt_us = GEO_US,
			 .min_rtt_us = GEO_US,
			 .bytes_per_s = 100000000,
			 .idle = true } },
	  .message = 1000,
	  .turns = 4,
	  .flight_least = 4194304,
	  .flight_most = 4194304,
	  .lanes_least = PACE_LANES_MAX,
	  .lanes_most = PACE_LANES_MAX },
};

static void check(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct pace pace = rows[row].pace;
	uint64_t flight;
	unsigned lanes;

	for (size_t i = 0; i < LENGTH(rows[row].samples); i++)
		pace_take(&pace, &rows[row].samples[i]);
	if (rows[row].took_us)
		pace_take_message(&pace, rows[row].message, rows[row].took_us);
	flight = pace_flight(&pace, rows[row].message);
	assert_in_range(flight, rows[row].flight_least, rows[row].flight_most);
	lanes = pace_lanes(&pace, rows[row].message, rows[row].turns, rows[row].busy);
	assert_in_range(lanes, rows[row].lanes_least, rows[row].lanes_most);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = check;
		tests[i].initial_state = (void *)(uintptr_t)i;
	}
	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
