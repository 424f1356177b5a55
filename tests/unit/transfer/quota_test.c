#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "transfer/quota.h"

#define NOW  INT64_C(1795000000)
#define HUGE (LIMIT_NONE - 1)

/* What a connection costs before its first message (link/order.c). */
static uint64_t connect_cost(void)
{
	return HUGE - order_room(HUGE);
}

static const struct {
	const char *title;
	uint64_t most;  /* 0: any number */
	int64_t left_s; /* until the end; 0: there is none */
	uint64_t closed, open, begun, rate;
	uint64_t room; /* on a connection that is made */
} rooms[] = {
	{ .title = "without limits anything may be begun", .room = LIMIT_NONE },
	{ .title = "and work already begun takes nothing from it",
	  .begun = 5000,
	  .open = 7000,
	  .room = LIMIT_NONE },
	{ .title = "a budget leaves what was not used",
	  .most = 10000,
	  .open = 3000,
	  .room = 7000 },
	{ .title = "also what closed connections used is gone",
	  .most = 10000,
	  .closed = 2000,
	  .open = 3000,
	  .room = 5000 },
	{ .title = "what is begun is set aside",
	  .most = 10000,
	  .open = 3000,
	  .begun = 6000,
	  .room = 1000 },
	{ .title = "what is begun may turn out larger than the rest",
	  .most = 10000,
	  .open = 3000,
	  .begun = 8000,
	  .room = 0 },
	{ .title = "a budget that is used up leaves nothing",
	  .most = 10000,
	  .open = 12000 },
	{ .title = "in time is what the link moves until its end",
	  .left_s = 10,
	  .rate = 800,
	  .room = 8000 },
	{ .title = "less what is begun",
	  .left_s = 10,
	  .rate = 800,
	  .begun = 500,
	  .room = 7500 },
	{ .title = "but not what was used before",
	  .left_s = 10,
	  .rate = 800,
	  .open = 9000,
	  .room = 8000 },
	{ .title = "an unknown rate limits nothing", .left_s = 10, .room = LIMIT_NONE },
	{ .title = "a rate beyond all numbers limits nothing",
	  .left_s = 10,
	  .rate = HUGE,
	  .room = LIMIT_NONE },
	{ .title = "at the end of the time nothing may be begun",
	  .left_s = -1,
	  .rate = 800 },
	{ .title = "nor if the rate is not known", .left_s = -1 },
	{ .title = "of both limits the smaller counts: the budget",
	  .most = 5000,
	  .left_s = 10,
	  .rate = 800,
	  .room = 5000 },
	{ .title = "of both limits the smaller counts: the time",
	  .most = 50000,
	  .left_s = 10,
	  .rate = 800,
	  .room = 8000 },
};

static struct quota quota_of(size_t i)
{
	return (struct quota){ .most_bytes = limit_of_setting(rooms[i].most),
			       .until = rooms[i].left_s ? NOW + rooms[i].left_s
							: QUOTA_NO_END,
			       .closed_bytes = rooms[i].closed,
			       .maxsize = 777,
			       .lowest = 3 };
}

static struct quota_use use_of(size_t i, bool is_connected)
{
	return (struct quota_use){ .open_bytes = rooms[i].open,
				   .begun_bytes = rooms[i].begun,
				   .bytes_per_s = rooms[i].rate,
				   .now = NOW,
				   .is_connected = is_connected };
}

static void leaves_room(void **state)
{
	size_t i = (uintptr_t)*state;
	struct quota quota = quota_of(i);
	struct quota_use use = use_of(i, true);

	assert_int_equal(quota_room(&quota, &use), rooms[i].room);
}

static void pays_for_its_connection_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(rooms); i++) {
		struct quota quota = quota_of(i);
		struct quota_use use = use_of(i, false);

		assert_int_equal(quota_room(&quota, &use),
				 limit_left(rooms[i].room, connect_cost()));
	}
}

static void limits_are_those_of_the_link_and_the_room(void **state)
{
	struct quota quota = quota_of(2);
	struct quota_use use = use_of(2, true);
	struct order_limits limits = quota_limits(&quota, &use);

	(void)state;
	assert_int_equal(limits.maxsize, 777);
	assert_int_equal(limits.lowest, 3);
	assert_int_equal(limits.room, 7000);
}

static const struct {
	const char *title;
	uint64_t most;
	int64_t left_s;
	uint64_t closed, open;
	const char *why; /* NULL: it is not over */
} ends[] = {
	{ .title = "without limits it is never over", .open = HUGE },
	{ .title = "before its end it is not over", .left_s = 1 },
	{ .title = "at its end it is over",
	  .left_s = -1,
	  .why = "the time of the link is over" },
	{ .title = "a byte before the budget it is not over",
	  .most = 10000,
	  .open = 9999 },
	{ .title = "with the budget's last byte it is over",
	  .most = 10000,
	  .open = 10000,
	  .why = "the budget of the link is used up" },
	{ .title = "what closed connections used counts",
	  .most = 10000,
	  .closed = 9000,
	  .open = 1000,
	  .why = "the budget of the link is used up" },
	{ .title = "of both the time is told",
	  .most = 10000,
	  .left_s = -1,
	  .open = 10000,
	  .why = "the time of the link is over" },
};

static void ends_it(void **state)
{
	size_t i = (uintptr_t)*state;
	const struct quota quota = { .most_bytes = limit_of_setting(ends[i].most),
				     .until = ends[i].left_s ? NOW + ends[i].left_s
							     : QUOTA_NO_END,
				     .closed_bytes = ends[i].closed };
	const char *why = NULL;

	assert_int_equal(quota_is_over(&quota, ends[i].open, NOW, &why),
			 ends[i].why != NULL);
	if (ends[i].why)
		assert_string_equal(why, ends[i].why);
}

static void its_end_is_reached_in_the_very_second(void **state)
{
	const struct quota quota = { .most_bytes = LIMIT_NONE, .until = NOW };
	const char *why;

	(void)state;
	assert_false(quota_is_over(&quota, 0, NOW - 1, &why));
	assert_true(quota_is_over(&quota, 0, NOW, &why));
}

static void a_link_that_is_not_known_sets_no_limits(void **state)
{
	struct link_choice choice = { .up = false, .allowance = { .bytes = 5 } };
	struct quota quota = { .closed_bytes = 99 };

	(void)state;
	quota_begin(&quota, &choice);
	assert_false(quota_is_bounded(&quota));
	assert_int_equal(quota.maxsize, LIMIT_NONE);
	assert_int_equal(quota_used(&quota, 0), 0);
}

/* A window ends what the gateway began, and it tells so; it does not end what a person
 * asked for. */
static void a_link_gives_its_budgets_and_not_its_window(void **state)
{
	struct link_choice choice = { .up = true,
				      .allowance = { .open = true,
						     .until = NOW + 60,
						     .budget_until = NOW + 900,
						     .bytes = 4096,
						     .maxsize = 100,
						     .calls = { .largest = LIMIT_NONE },
						     .lowest = 2 } };
	struct quota quota;

	(void)state;
	quota_begin(&quota, &choice);
	assert_true(quota_is_bounded(&quota));
	assert_int_equal(quota.most_bytes, 4096);
	assert_int_equal(quota.until, NOW + 900);
	assert_int_equal(quota.maxsize, 100);
	assert_int_equal(quota.lowest, 2);
}

static const struct {
	const char *title;
	uint64_t most;
	int64_t until;
	bool is_more;
} words[] = {
	{ "the same is not more", 1000, NOW, false },
	{ "less of both is not more", 999, NOW - 1, false },
	{ "more bytes are more", 1001, NOW, true },
	{ "more time is more", 1000, NOW + 1, true },
	{ "no limits are more", LIMIT_NONE, QUOTA_NO_END, true },
};

static void takes_the_word_of_the_gateway(void **state)
{
	size_t i = (uintptr_t)*state;
	struct quota quota = { .most_bytes = 1000, .until = NOW, .closed_bytes = 7 };

	assert_int_equal(quota_allow(&quota, words[i].most, words[i].until),
			 words[i].is_more);
	assert_int_equal(quota.most_bytes, words[i].most);
	assert_int_equal(quota.until, words[i].until);
	assert_int_equal(quota_used(&quota, 3), 10);
}

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(pays_for_its_connection_first),
		cmocka_unit_test(limits_are_those_of_the_link_and_the_room),
		cmocka_unit_test(its_end_is_reached_in_the_very_second),
		cmocka_unit_test(a_link_that_is_not_known_sets_no_limits),
		cmocka_unit_test(a_link_gives_its_budgets_and_not_its_window),
	};
	struct CMUnitTest tests[LENGTH(rooms) + LENGTH(ends) + LENGTH(words)];
	size_t count = 0;

	for (size_t i = 0; i < LENGTH(rooms); i++)
		tests[count++] = (struct CMUnitTest){ .name = rooms[i].title,
						      .test_func = leaves_room,
						      .initial_state = (void *)i };
	for (size_t i = 0; i < LENGTH(ends); i++)
		tests[count++] = (struct CMUnitTest){ .name = ends[i].title,
						      .test_func = ends_it,
						      .initial_state = (void *)i };
	for (size_t i = 0; i < LENGTH(words); i++)
		tests[count++] =
			(struct CMUnitTest){ .name = words[i].title,
					     .test_func = takes_the_word_of_the_gateway,
					     .initial_state = (void *)i };
	return cmocka_run_group_tests_name("quota: limits", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("quota", single, NULL, NULL);
}
