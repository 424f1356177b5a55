/* What losses say of a link, and what follows: rows of samples of one connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "link/pace.h"

#define NEAR(us)   .rtt_us = (us), .min_rtt_us = (us)
#define RATE       .bytes_per_s = 125000, .window_bytes = 20000
#define RADIO_US   UINT64_C(100000)
#define HF_US      UINT64_C(3400000)
#define FILLS_LINK UINT64_C(12500) /* RATE for RADIO_US */

static const struct {
	const char *title;
	struct pace pace;
	struct pace_sample samples[3];
	bool lossy;
	unsigned lanes; /* that a server with CHUNKING gets */
	uint64_t permille_least, permille_most;
} rows[] = {
	{ .title = "where nothing was lost TCP is careful",
	  .samples = { { NEAR(RADIO_US), RATE, .segments = 40 } },
	  .lanes = 1 },
	{ .title = "a loss while nothing waits is the link's own",
	  .samples = { { NEAR(RADIO_US), RATE, .segments = 20, .losses = 1 } },
	  .lossy = true,
	  .lanes = 2,
	  .permille_least = 10,
	  .permille_most = 50 },
	{ .title = "one of five lost: four connections",
	  .samples = { { NEAR(RADIO_US), RATE, .segments = 100, .losses = 20 },
		       { NEAR(RADIO_US), RATE, .segments = 100, .losses = 20 } },
	  .lossy = true,
	  .lanes = 4,
	  .permille_least = 150,
	  .permille_most = 200 },
	{ .title = "a queue that ran over is no bad link",
	  .samples = { { .rtt_us = RADIO_US * 3,
			 .min_rtt_us = RADIO_US,
			 RATE,
			 .segments = 40,
			 .losses = 12 } },
	  .lanes = 1 },
	{ .title = "nor is it one when the queue is short again",
	  .samples = { { .rtt_us = RADIO_US * 3,
			 .min_rtt_us = RADIO_US,
			 RATE,
			 .segments = 40,
			 .losses = 12 },
		       { NEAR(RADIO_US), RATE, .segments = 40 } },
	  .lanes = 1 },
	{ .title = "a SYN that TCP sent again on a long link was not lost",
	  .samples = { { NEAR(HF_US), .bytes_per_s = 150, .segments = 3, .losses = 1 } },
	  .lanes = 1 },
	{ .title = "what had arrived after all is taken back",
	  .samples = { { NEAR(RADIO_US), RATE, .segments = 20, .losses = 1 },
		       { NEAR(RADIO_US), RATE, .segments = 20, .losses = -1 } },
	  .lanes = 1 },
	{ .title = "on a modem TCP's timers know of no losses",
	  .samples = { { NEAR(RADIO_US * 9 / 5), .bytes_per_s = 4200, .segments = 20,
			 .losses = 5 } },
	  .lanes = 1 },
	{ .title = "a link that lost packets yesterday begins as a bad one",
	  .pace = { .rtt_us = RADIO_US,
		    .bytes_per_s = 125000,
		    .filled = true,
		    .lost_permille = 200 },
	  .samples = { { NEAR(RADIO_US), RATE, .segments = 2 } },
	  .lossy = true,
	  .lanes = 4,
	  .permille_least = 180,
	  .permille_most = 200 },
	{ .title = "300 segments without a loss make it a good one",
	  .pace = { .rtt_us = RADIO_US,
		    .bytes_per_s = 125000,
		    .filled = true,
		    .lost_permille = 50 },
	  .samples = { { NEAR(RADIO_US), RATE, .segments = 150 },
		       { NEAR(RADIO_US), RATE, .segments = 150 } },
	  .lanes = 1 },
	{ .title = "one loss in 500 segments is nobody's trouble",
	  .samples = { { NEAR(RADIO_US), RATE, .segments = 400 },
		       { NEAR(RADIO_US), RATE, .segments = 100, .losses = 1 } },
	  .lanes = 1 },
	{ .title = "what another link lost says nothing",
	  .pace = { .rtt_us = RADIO_US,
		    .bytes_per_s = 125000,
		    .filled = true,
		    .lost_permille = 200 },
	  .samples = { { NEAR(RADIO_US * 5), RATE, .segments = 2 } },
	  .lanes = 1 },
};

static void check(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct pace pace = rows[row].pace;

	pace_recall_losses(&pace, pace.lost_permille);

	for (size_t i = 0; i < LENGTH(rows[row].samples); i++)
		pace_take(&pace, &rows[row].samples[i]);
	assert_in_range(pace.lost_permille, rows[row].permille_least,
			rows[row].permille_most);
	assert_int_equal(pace_is_steady(&pace), rows[row].lossy);
	assert_int_equal(pace_lanes(&pace, 4096, 0, 1), rows[row].lanes);
	if (pace.rtt_us == RADIO_US && rows[row].lossy)
		assert_true(pace_flight(&pace, 4096) >= 4 * FILLS_LINK);
	else if (pace.rtt_us == RADIO_US)
		assert_true(pace_flight(&pace, 4096) < 4 * FILLS_LINK);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = check;
		tests[i].initial_state = (void *)(uintptr_t)i;
	}
	return cmocka_run_group_tests_name("pace_losses", tests, NULL, NULL);
}
