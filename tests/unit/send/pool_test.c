#include "send/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct outbound outbound;
static struct link_path path;
static struct quota quota;
static struct pool pool;

static int over_the_line(void **state)
{
	(void)state;
	outbound = (struct outbound){ .note = { .link = "line" } };
	path = (struct link_path){ .link = { .name = "line" } };
	return 0;
}

static void begin(void)
{
	pool_begin(&pool, &(struct pool_setup){ .outbound = &outbound,
						.path = &path,
						.quota = &quota });
}

static void what_this_link_took_last_time_is_known(void **state)
{
	(void)state;
	outbound.note.rtt_us = 600000;
	outbound.note.bytes_per_s = 50000;
	outbound.note.filled = true;
	outbound.note.mss = 536;
	outbound.note.lanes = 3;
	begin();
	assert_int_equal(pool.shared.pace.rtt_us, 600000);
	assert_int_equal(pool.shared.pace.bytes_per_s, 50000);
	assert_int_equal(pool.shared.mss, 536);
	assert_int_equal(pool.at_once, 3);
}

static void what_another_link_took_says_nothing(void **state)
{
	(void)state;
	outbound.note.rtt_us = 600000;
	outbound.note.bytes_per_s = 50000;
	outbound.note.mss = 536;
	snprintf(path.link.name, sizeof(path.link.name), "wifi");
	begin();
	assert_int_equal(pool.shared.pace.rtt_us, 0);
	assert_int_equal(pool.shared.pace.bytes_per_s, 0);
	assert_int_equal(pool.shared.mss, 0);
	assert_int_equal(pool.at_once, 0);
}

static void after_a_failure_only_one_connection_is_opened_at_once(void **state)
{
	(void)state;
	outbound.note.lanes = 5;
	snprintf(outbound.note.last_error, sizeof(outbound.note.last_error), "421 busy");
	begin();
	assert_true(pool.at_once <= 1);
}

static void a_note_of_many_connections_is_not_believed(void **state)
{
	(void)state;
	outbound.note.lanes = 1000;
	begin();
	assert_int_equal(pool.at_once, PACE_LANES_MAX);
}

static void a_setting_bounds_what_is_in_doubt(void **state)
{
	(void)state;
	outbound.smarthost.indoubt = 2;
	begin();
	assert_int_equal(pool.shared.most_messages, 2);
}

static void the_rate_is_measured_or_what_the_hook_told(void **state)
{
	(void)state;
	path.link.speed_bps = 64000;
	begin();
	assert_int_equal(pool_rate(&pool), 8000);
	/* Few small messages fill no link: their rate is no measure ... */
	pool.shared.pace.bytes_per_s = 500;
	assert_int_equal(pool_rate(&pool), 8000);
	/* ... but one that is more than was told is, */
	pool.shared.pace.bytes_per_s = 9000;
	assert_int_equal(pool_rate(&pool), 9000);
	/* and so is one of mail that waited for the link. */
	pool.shared.pace.bytes_per_s = 500;
	pool.shared.pace.filled = true;
	assert_int_equal(pool_rate(&pool), 500);
}

static void an_empty_pool_has_nothing_under_way(void **state)
{
	(void)state;
	begin();
	assert_int_equal(pool_count(&pool), 0);
	assert_true(pool_is_drained(&pool));
	assert_int_equal(pool_unanswered(&pool), 0);
	assert_int_equal(pool_used(&pool), 0);
	assert_int_equal(pool_begun_cost(&pool), 0);
	assert_false(pool_has(&pool, "1700000000.M1.gw"));
	/* There is no mail, so no connection is made for it. */
	pool_reconnect(&pool);
	assert_int_equal(pool_count(&pool), 0);
}

static void a_new_generation_is_one_that_older_connections_are_not_of(void **state)
{
	unsigned before;

	(void)state;
	begin();
	before = pool.shared.generation;
	pool_renew(&pool);
	assert_int_not_equal(pool.shared.generation, before);
}

static const struct noted {
	const char *title;
	unsigned turns, lost_permille, most, limit;
	uint64_t lanes;
} noted[] = {
	{ "connections that were useful are noted", 1, 0, 4, 0, 4 },
	{ "no more than the server takes", 1, 0, 4, 2, 2 },
	{ "of a race nothing is to be learnt", 0, 0, 2, 0, 1 },
	{ "a link that loses packets wants several", 0, 50, 3, 0, 3 },
};

static void note(void **state)
{
	const struct noted *row = &noted[(uintptr_t)*state];
	struct smarthost_note to = { .lanes = 9 };

	over_the_line(NULL);
	begin();
	pool.shared.turns = row->turns;
	pool.shared.pace.lost_permille = row->lost_permille;
	pool.most = row->most;
	pool.limit = row->limit;
	pool_note(&pool, &to);
	assert_int_equal(to.lanes, row->lanes);
	assert_string_equal(to.link, "line");
}

#define TEST(function) cmocka_unit_test_setup(function, over_the_line)

int main(void)
{
	const struct CMUnitTest single[] = {
		TEST(what_this_link_took_last_time_is_known),
		TEST(what_another_link_took_says_nothing),
		TEST(after_a_failure_only_one_connection_is_opened_at_once),
		TEST(a_note_of_many_connections_is_not_believed),
		TEST(a_setting_bounds_what_is_in_doubt),
		TEST(the_rate_is_measured_or_what_the_hook_told),
		TEST(an_empty_pool_has_nothing_under_way),
		TEST(a_new_generation_is_one_that_older_connections_are_not_of),
	};
	struct CMUnitTest tests[LENGTH(noted)] = { 0 };

	for (size_t i = 0; i < LENGTH(noted); i++)
		tests[i] = (struct CMUnitTest){ .name = noted[i].title,
						.test_func = note,
						.initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("a pool of connections", single, NULL, NULL) +
	       cmocka_run_group_tests_name("what the next call can begin with", tests,
					   NULL, NULL);
}
