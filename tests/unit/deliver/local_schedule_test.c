#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deliver/local_schedule.h"

#define BIRTH 1000000
#define WEEK  604800

/* qmail's: 0, 100, 400, 900 ... 608400, 79 tries in a week and a bit. */
static void punctual_tries_are_at_the_squares(void **state)
{
	int64_t now = BIRTH;

	(void)state;
	for (int64_t k = 1; k <= 78; k++) {
		now = local_next_try(BIRTH, now);
		assert_int_equal(now - BIRTH, 100 * k * k);
	}
}

static void a_late_try_takes_up_the_schedule(void **state)
{
	(void)state;
	assert_int_equal(local_next_try(BIRTH, BIRTH + 86400) - BIRTH, 303 * 303);
}

static void a_clock_set_back_harms_nothing(void **state)
{
	(void)state;
	assert_int_equal(local_next_try(BIRTH, BIRTH - 5000), BIRTH - 5000 + 100);
	assert_true(local_is_due(BIRTH + 2 * WEEK, BIRTH));
	assert_false(local_is_due(BIRTH + 100, BIRTH));
	assert_true(local_is_due(BIRTH, BIRTH));
}

static void only_what_was_tried_expires(void **state)
{
	(void)state;
	assert_false(local_is_expired(BIRTH, BIRTH + WEEK - 1, 50, WEEK));
	assert_true(local_is_expired(BIRTH, BIRTH + WEEK, 50, WEEK));
	/* The gateway was off. */
	assert_false(
		local_is_expired(BIRTH, BIRTH + 4 * WEEK, LOCAL_TRIES_MIN - 1, WEEK));
	assert_false(local_is_expired(BIRTH, BIRTH - 1, 50, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(punctual_tries_are_at_the_squares),
		cmocka_unit_test(a_late_try_takes_up_the_schedule),
		cmocka_unit_test(a_clock_set_back_harms_nothing),
		cmocka_unit_test(only_what_was_tried_expires),
	};

	return cmocka_run_group_tests_name("when local mail is tried again", tests, NULL,
					   NULL);
}
