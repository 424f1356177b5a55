#include "link/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"

#define NOW 1000000

static struct parked_name name_of(const char *id, uint64_t bytes, unsigned priority)
{
	struct parked_name name = { .wire_bytes = bytes, .priority = priority };

	snprintf(name.id, sizeof(name.id), "%s", id);
	return name;
}

static const struct {
	const char *title;
	const char *first_id, *second_id;
	uint64_t first_bytes, second_bytes;
	unsigned first_priority, second_priority;
} pairs[] = {
	{ "the smaller goes first", "1000000.a", "1000000.b", 100, 200, 0, 0 },
	{ "a higher priority goes before all", "1000000.a", "1000000.b", 900000, 1, 9,
	  0 },
	{ "of equals the name decides", "1000000.a", "1000000.b", 100, 100, 0, 0 },
	{ "who waited long counts as small", "990000.a", "1000000.b", 100000, 1000, 0,
	  0 },
	{ "who waited a little does not yet", "1000000.b", "999940.a", 1000, 100000, 0,
	  0 },
	{ "a name from the future counts as new", "1000000.a", "2000000.b", 100, 200, 0,
	  0 },
};

static void pair(void **state)
{
	size_t i = (uintptr_t)*state;
	struct parked_name names[] = {
		name_of(pairs[i].second_id, pairs[i].second_bytes,
			pairs[i].second_priority),
		name_of(pairs[i].first_id, pairs[i].first_bytes, pairs[i].first_priority),
	};

	order_sort(names, LENGTH(names), NOW);
	assert_string_equal(names[0].id, pairs[i].first_id);
}

static const struct {
	const char *title;
	enum parked_state state;
	int64_t not_before;
	bool ignore;
	bool due;
} turns[] = {
	{ "a new message is due", PARKED_WAITING, 0, false, true },
	{ "one told to wait is not", PARKED_WAITING, NOW + 10, false, false },
	{ "and is when its time has come", PARKED_WAITING, NOW, false, true },
	{ "a link that came up clears the wait", PARKED_WAITING, NOW + 10, true, true },
	{ "a wait beyond the longest back-off is a wrong clock's", PARKED_WAITING,
	  NOW + ORDER_BACKOFF_MAX_S + 1, false, true },
	{ "a held one is never due", PARKED_HELD, 0, true, false },
	{ "one being sent is not due", PARKED_SENDING, 0, true, false },
	{ "an uncertain one waits", PARKED_UNCERTAIN, NOW + 1, true, false },
	{ "and is due later, in another call", PARKED_UNCERTAIN, NOW - 100, false, true },
	{ "but never in the call in which it became so", PARKED_UNCERTAIN, NOW, false,
	  false },
};

static void turn(void **state)
{
	size_t i = (uintptr_t)*state;
	struct parked_name name = name_of("1000000.a", 100, 0);
	/* What became uncertain at this call's beginning or later has N= from 1000000. */
	struct order_rules rules = { .now = NOW,
				     .call_began = NOW - 600,
				     .uncertainwait_s = 600,
				     .ignore_not_before = turns[i].ignore };

	name.state = turns[i].state;
	name.not_before = turns[i].not_before;
	assert_int_equal(order_is_due(&name, &rules), turns[i].due);
}

static const struct {
	const char *title;
	struct order_limits limits;
	uint64_t bytes;
	unsigned priority;
	bool freed;
	bool taken, fits;
} fits[] = {
	{ "a link without limits takes all",
	  { 0, 0, UINT64_MAX },
	  1 << 30,
	  0,
	  false,
	  true,
	  true },
	{ "one of just the largest size is taken",
	  { 1000, 0, UINT64_MAX },
	  1000,
	  0,
	  false,
	  true,
	  true },
	{ "a larger one waits for another link",
	  { 1000, 0, UINT64_MAX },
	  1001,
	  2,
	  false,
	  false,
	  false },
	{ "or for a person", { 1000, 0, UINT64_MAX }, 1001, 0, true, true, true },
	{ "a less urgent one waits", { 0, 1, UINT64_MAX }, 10, 0, false, false, false },
	{ "one that is urgent enough is taken",
	  { 0, 1, UINT64_MAX },
	  10,
	  1,
	  false,
	  true,
	  true },
	{ "so is one that a person wants",
	  { 0, 2, UINT64_MAX },
	  10,
	  0,
	  true,
	  true,
	  true },
	{ "what exceeds the room is not begun",
	  { 0, 0, 100000 },
	  100000,
	  0,
	  false,
	  true,
	  false },
	{ "and its headers count", { 0, 0, 100000 }, 94000, 0, false, true, false },
	{ "what fits with them goes", { 0, 0, 100000 }, 91000, 0, false, true, true },
	{ "a person's word makes no room",
	  { 0, 0, 100000 },
	  100000,
	  9,
	  true,
	  true,
	  false },
	{ "where there is no room nothing goes", { 0, 0, 0 }, 1, 9, true, true, false },
};

static void fit(void **state)
{
	size_t i = (uintptr_t)*state;
	struct parked_name name = name_of("1000000.a", fits[i].bytes, fits[i].priority);

	name.recipients = 1;
	name.freed = fits[i].freed;
	assert_int_equal(order_is_taken(&name, &fits[i].limits), fits[i].taken);
	assert_int_equal(order_fits(&name, &fits[i].limits), fits[i].fits);
}

static void a_connection_takes_its_part_of_what_is_left(void **state)
{
	(void)state;
	assert_int_equal(order_room(UINT64_MAX), UINT64_MAX);
	assert_int_equal(order_room(107000), 100000);
	assert_int_equal(order_room(7000), 0);
	assert_int_equal(order_room(0), 0);
}

#define DAY INT64_C(86400)

static const struct {
	const char *title;
	unsigned attempts;
	uint64_t link_up_s; /* at parking */
	uint64_t now_up_s;
	uint64_t ceiling_s;
	int64_t age_s;
	bool expired;
} ages[] = {
	{ "after the lifetime with the link up and ten tries it goes back", 9, 1, 8 * DAY,
	  0, 8 * DAY, true },
	{ "after nine it does not", 8, 1, 8 * DAY, 0, 8 * DAY, false },
	{ "a hundred tries in a week are not the lifetime", 100, DAY, 8 * DAY, 0, 8 * DAY,
	  false },
	{ "years offline are nothing", 100, 1, DAY, 0, 4000 * DAY, false },
	{ "where nobody knows since when it waits it is young", 100, 0, 100 * DAY, 0,
	  100 * DAY, false },
	{ "so it is where the count was lost", 100, 100 * DAY, DAY, 0, 100 * DAY, false },
	{ "a ceiling counts days of the calendar", 0, 1, 2, 90 * DAY, 91 * DAY, true },
	{ "and not before they are over", 0, 1, 2, 90 * DAY, 90 * DAY, false },
	{ "a message from the future is young", 0, 1, 2, 90 * DAY, -900 * DAY, false },
};

static void age(void **state)
{
	size_t i = (uintptr_t)*state;
	const int64_t now = (int64_t)10000 * DAY;
	struct order_age order = { .now = now,
				   .link_up_s = ages[i].now_up_s,
				   .lifetime_s = 7 * DAY,
				   .ceiling_s = ages[i].ceiling_s };
	struct parked_name name = { .attempts = ages[i].attempts,
				    .link_up_s = ages[i].link_up_s };

	snprintf(name.id, sizeof(name.id), "%lld.a", (long long)(now - ages[i].age_s));
	assert_int_equal(order_is_expired(&name, &order), ages[i].expired);
}

static void attempts_grow_apart_as_squares(void **state)
{
	(void)state;
	assert_int_equal(order_backoff_s(0), 0);
	assert_int_equal(order_backoff_s(1), 400);
	assert_int_equal(order_backoff_s(2), 1200);
	assert_int_equal(order_backoff_s(3), 2000);
	assert_int_equal(order_backoff_s(4000000000U), ORDER_BACKOFF_MAX_S);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(pairs) + LENGTH(turns) + LENGTH(fits) +
				LENGTH(ages) + 2] = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < LENGTH(pairs); i++)
		tests[count++] = (struct CMUnitTest){ .name = pairs[i].title,
						      .test_func = pair,
						      .initial_state = (void *)i };
	for (size_t i = 0; i < LENGTH(turns); i++)
		tests[count++] = (struct CMUnitTest){ .name = turns[i].title,
						      .test_func = turn,
						      .initial_state = (void *)i };
	for (size_t i = 0; i < LENGTH(fits); i++)
		tests[count++] = (struct CMUnitTest){ .name = fits[i].title,
						      .test_func = fit,
						      .initial_state = (void *)i };
	for (size_t i = 0; i < LENGTH(ages); i++)
		tests[count++] = (struct CMUnitTest){ .name = ages[i].title,
						      .test_func = age,
						      .initial_state = (void *)i };
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(
		a_connection_takes_its_part_of_what_is_left);
	tests[count] =
		(struct CMUnitTest)cmocka_unit_test(attempts_grow_apart_as_squares);
	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
