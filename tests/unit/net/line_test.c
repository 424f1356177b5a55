/* How patient a connection is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "net/line.h"

static const struct {
	const char *title;
	struct line line;
	struct line_limits limits;
} rows[] = {
	{ .title = "of an unknown line no more is asked than the RFC grants",
	  .limits = { .name_ms = 2500,
		      .connect_ms = 75000,
		      .reply_ms = 300000,
		      .handshake_ms = 60000,
		      .small_ms = 20000,
		      .whole_ms = 1800000,
		      .user_timeout_ms = 45000,
		      .keepalive_idle_s = 15,
		      .keepalive_interval_s = 10 } },
	{ .title = "a fast line makes nothing shorter",
	  .line = { .bytes_per_s = 125000000, .rtt_ms = 1 },
	  .limits = { .name_ms = 2500,
		      .connect_ms = 75000,
		      .reply_ms = 300010,
		      .handshake_ms = 60010,
		      .small_ms = 20010,
		      .whole_ms = 1800010,
		      .user_timeout_ms = 45000,
		      .keepalive_idle_s = 15,
		      .keepalive_interval_s = 10 } },
	{ .title =
		  "300 bit/s and three seconds: time for a handshake, and small segments",
	  .line = { .bytes_per_s = 37, .rtt_ms = 3000 },
	  .limits = { .name_ms = 19216,
		      .connect_ms = 75000,
		      .reply_ms = 384054,
		      .handshake_ms = 306216,
		      .small_ms = 266216,
		      .whole_ms = 2694864,
		      .user_timeout_ms = 62270,
		      .keepalive_idle_s = 15,
		      .keepalive_interval_s = 10,
		      .mss = LINE_MSS_SAFE } },
	{ .title = "a round trip of 20 s is waited for ten times, and no longer",
	  .line = { .rtt_ms = 20000 },
	  .limits = { .name_ms = 40000,
		      .connect_ms = 200000,
		      .reply_ms = 500000,
		      .handshake_ms = 260000,
		      .small_ms = 220000,
		      .whole_ms = 2000000,
		      .user_timeout_ms = 200000,
		      .keepalive_idle_s = 15,
		      .keepalive_interval_s = 40 } },
	{ .title = "no number runs over",
	  .line = { .bytes_per_s = 1, .rtt_ms = UINT32_MAX },
	  .limits = { .name_ms = INT32_MAX,
		      .connect_ms = INT32_MAX,
		      .reply_ms = INT32_MAX,
		      .handshake_ms = INT32_MAX,
		      .small_ms = INT32_MAX,
		      .whole_ms = INT32_MAX,
		      .user_timeout_ms = INT32_MAX,
		      .keepalive_idle_s = 15,
		      .keepalive_interval_s = 8589934,
		      .mss = LINE_MSS_SAFE } },
};

static void limits(void **state)
{
	const struct line_limits *expected = &rows[(uintptr_t)*state].limits;
	struct line_limits got = line_limits(&rows[(uintptr_t)*state].line);

	assert_int_equal(got.name_ms, expected->name_ms);
	assert_int_equal(got.connect_ms, expected->connect_ms);
	assert_int_equal(got.reply_ms, expected->reply_ms);
	assert_int_equal(got.handshake_ms, expected->handshake_ms);
	assert_int_equal(got.small_ms, expected->small_ms);
	assert_int_equal(got.whole_ms, expected->whole_ms);
	assert_int_equal(got.user_timeout_ms, expected->user_timeout_ms);
	assert_int_equal(got.keepalive_idle_s, expected->keepalive_idle_s);
	assert_int_equal(got.keepalive_interval_s, expected->keepalive_interval_s);
	assert_int_equal(got.mss, expected->mss);
}

static void large_segments_that_vanish_are_noticed(void **state)
{
	static const struct {
		struct line_signs signs;
		bool stalled;
	} seen[] = {
		/* Ours: a full segment was repeated five times. */
		{ { .retransmits = 5,
		    .mss = 1448,
		    .acked = 700,
		    .delivered = 9,
		    .unacked = 2896 },
		  true },
		{ { .retransmits = 4,
		    .mss = 1448,
		    .acked = 700,
		    .delivered = 9,
		    .unacked = 2896 },
		  false },
		/* A command that is repeated is a dead line. */
		{ { .retransmits = 5,
		    .mss = 1448,
		    .acked = 700,
		    .delivered = 9,
		    .unacked = 30 },
		  false },
		/* Nothing ever passed. */
		{ { .retransmits = 5, .mss = 1448, .unacked = 2896 }, false },
		/* Large ones have passed. */
		{ { .retransmits = 5,
		    .mss = 1448,
		    .acked = 14480,
		    .delivered = 20,
		    .unacked = 2896 },
		  false },
		/* There is no smaller segment to try. */
		{ { .retransmits = 5,
		    .mss = 536,
		    .acked = 700,
		    .delivered = 9,
		    .unacked = 2896 },
		  false },
		/* Theirs: the end of a flight without its beginning. */
		{ { .mss = 1448, .out_of_order = 1, .silent_ms = 10000 }, true },
		{ { .mss = 1448, .out_of_order = 1, .silent_ms = 9000 }, false },
		{ { .mss = 1448, .silent_ms = 60000 }, false },
		/* A long line may still bring what was lost. */
		{ { .out_of_order = 1, .silent_ms = 15000, .rtt_ms = 3000 }, false },
		{ { .out_of_order = 1, .silent_ms = 18000, .rtt_ms = 3000 }, true },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(seen); i++)
		if (line_is_stalled(&seen[i].signs) != seen[i].stalled)
			fail_msg("row %zu", i);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = {
		[LENGTH(rows)] = cmocka_unit_test(large_segments_that_vanish_are_noticed)
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = limits;
		tests[i].initial_state = (void *)(uintptr_t)i;
	}
	return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
