#include "net/remotes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

static const struct remotes_limits limits = { .total = 5,
					      .per_address = 3,
					      .per_minute = 60 };
static const struct remotes_limits rate_only = { .total = 100000,
						 .per_address = 100000,
						 .per_minute = 60 };

static int set_up(void **state)
{
	*state = remotes_new();
	return 0;
}

static int tear_down(void **state)
{
	remotes_free(*state);
	return 0;
}

static void one_address_has_its_share_and_no_more(void **state)
{
	struct remotes *remotes = *state;

	for (int i = 0; i < 3; i++)
		assert_int_equal(remotes_admit(remotes, "192.0.2.1", &limits, 0),
				 REMOTES_ADMITTED);
	assert_int_equal(remotes_admit(remotes, "192.0.2.1", &limits, 0),
			 REMOTES_PER_ADDRESS);
	assert_int_equal(remotes_admit(remotes, "::ffff:192.0.2.1", &limits, 0),
			 REMOTES_PER_ADDRESS);
	assert_int_equal(remotes_admit(remotes, "2001:db8::1", &limits, 0),
			 REMOTES_ADMITTED);
	remotes_leave(remotes, "192.0.2.1");
	assert_int_equal(remotes_admit(remotes, "192.0.2.1", &limits, 0),
			 REMOTES_ADMITTED);
}

static void the_total_holds_for_all(void **state)
{
	struct remotes *remotes = *state;
	char ip[32];

	for (int i = 0; i < 5; i++) {
		snprintf(ip, sizeof(ip), "192.0.2.%d", i);
		assert_int_equal(remotes_admit(remotes, ip, &limits, 0),
				 REMOTES_ADMITTED);
	}
	assert_int_equal(remotes_admit(remotes, "192.0.2.9", &limits, 0), REMOTES_TOTAL);
	assert_int_equal(remotes_connections(remotes), 5);
	remotes_leave(remotes, "192.0.2.4");
	assert_int_equal(remotes_admit(remotes, "192.0.2.9", &limits, 0),
			 REMOTES_ADMITTED);
}

static void who_leaves_without_having_come_changes_nothing(void **state)
{
	struct remotes *remotes = *state;

	remotes_leave(remotes, "192.0.2.1");
	assert_int_equal(remotes_connections(remotes), 0);
}

static void a_minutes_worth_may_come_at_once_then_evenly(void **state)
{
	struct remotes *remotes = *state;
	int admitted = 0;

	for (int i = 0; i < 100; i++)
		if (remotes_admit(remotes, "192.0.2.1", &rate_only, 1000) ==
		    REMOTES_ADMITTED) {
			remotes_leave(remotes, "192.0.2.1");
			admitted++;
		}
	assert_int_equal(admitted, 60);
	assert_int_equal(remotes_admit(remotes, "192.0.2.1", &rate_only, 1999),
			 REMOTES_PER_MINUTE);
	assert_int_equal(remotes_admit(remotes, "192.0.2.1", &rate_only, 2000),
			 REMOTES_ADMITTED);
	assert_int_equal(remotes_admit(remotes, "192.0.2.1", &rate_only, 2001),
			 REMOTES_PER_MINUTE);
	assert_int_equal(remotes_admit(remotes, "192.0.2.2", &rate_only, 2001),
			 REMOTES_ADMITTED);
}

static void no_rate_means_any_rate(void **state)
{
	struct remotes_limits any = rate_only;

	any.per_minute = 0;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(remotes_admit(*state, "192.0.2.1", &any, 0),
				 REMOTES_ADMITTED);
}

static int wrong(struct remotes *remotes, int64_t now_ms)
{
	assert_true(remotes_login_begin(remotes, "192.0.2.1", now_ms));
	return remotes_login_end(remotes, "192.0.2.1", REMOTES_LOGIN_WRONG, now_ms);
}

static int right(struct remotes *remotes, int64_t now_ms)
{
	assert_true(remotes_login_begin(remotes, "192.0.2.1", now_ms));
	return remotes_login_end(remotes, "192.0.2.1", REMOTES_LOGIN_RIGHT, now_ms);
}

static void guessing_gets_slower_and_slower(void **state)
{
	static const int delays_ms[] = { 2000, 4000, 8000, 15000, 15000, 15000 };

	for (size_t i = 0; i < LENGTH(delays_ms); i++)
		assert_int_equal(wrong(*state, 100 * (int64_t)i), delays_ms[i]);
}

static void a_right_password_is_answered_at_once(void **state)
{
	assert_int_equal(right(*state, 0), 0);
}

static void a_right_password_after_wrong_ones_waits_once(void **state)
{
	wrong(*state, 0);
	wrong(*state, 0);
	assert_int_equal(right(*state, 1), 4000);
	assert_int_equal(right(*state, 2), 0);
}

static void failures_are_forgotten_after_ten_minutes(void **state)
{
	wrong(*state, 0);
	wrong(*state, 0);
	assert_int_equal(wrong(*state, 600000), 2000);
}

static void a_guesser_may_not_try_many_at_once(void **state)
{
	struct remotes *remotes = *state;

	for (int i = 0; i < 3; i++)
		wrong(remotes, 0);
	for (int i = 0; i < 4; i++)
		assert_true(remotes_login_begin(remotes, "192.0.2.1", 1));
	assert_false(remotes_login_begin(remotes, "192.0.2.1", 1));
	assert_true(remotes_login_begin(remotes, "192.0.2.2", 1));
	remotes_login_end(remotes, "192.0.2.1", REMOTES_LOGIN_UNTOLD, 1);
	assert_true(remotes_login_begin(remotes, "192.0.2.1", 1));
}

static void a_million_addresses_do_not_fill_the_memory(void **state)
{
	struct remotes *remotes = *state;
	char ip[64];

	assert_int_equal(remotes_admit(remotes, "192.0.2.1", &rate_only, 0),
			 REMOTES_ADMITTED);
	for (int i = 0; i < 200000; i++) {
		snprintf(ip, sizeof(ip), "2001:db8::%x:%x", (unsigned)i >> 16,
			 (unsigned)i & 0xffff);
		assert_int_equal(remotes_admit(remotes, ip, &rate_only, 0),
				 REMOTES_ADMITTED);
		remotes_leave(remotes, ip);
	}
	assert_int_equal(remotes_connections(remotes), 1);
	remotes_leave(remotes, "192.0.2.1"); /* who is here was not forgotten */
	assert_int_equal(remotes_connections(remotes), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_address_has_its_share_and_no_more),
		TEST(the_total_holds_for_all),
		TEST(who_leaves_without_having_come_changes_nothing),
		TEST(a_minutes_worth_may_come_at_once_then_evenly),
		TEST(no_rate_means_any_rate),
		TEST(guessing_gets_slower_and_slower),
		TEST(a_right_password_is_answered_at_once),
		TEST(a_right_password_after_wrong_ones_waits_once),
		TEST(failures_are_forgotten_after_ten_minutes),
		TEST(a_guesser_may_not_try_many_at_once),
		TEST(a_million_addresses_do_not_fill_the_memory),
	};

	return cmocka_run_group_tests_name("remotes", tests, NULL, NULL);
}
