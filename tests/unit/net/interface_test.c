/* What is seen of a network interface; the loopback is the one that is everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/interface.h"

static void an_interface_that_is_not_there_is_absent(void **state)
{
	char address[INTERFACE_ADDRESS_MAX] = "x";

	(void)state;
	assert_int_equal(interface_look("none-of-these", address), INTERFACE_ABSENT);
	assert_string_equal(address, "");
	assert_int_equal(interface_look("", address), INTERFACE_ABSENT);
	assert_false(interface_has("none-of-these", "127.0.0.1"));
}

static void an_interface_has_the_addresses_that_it_has(void **state)
{
	char address[INTERFACE_ADDRESS_MAX];

	(void)state;
	if (interface_look("lo", address) != INTERFACE_UP)
		skip(); /* a namespace whose loopback is down */
	assert_string_equal(address, "127.0.0.1");
	assert_true(interface_has("lo", "127.0.0.1"));
	assert_false(interface_has("lo", "127.0.0.99"));
	assert_false(interface_has("lo", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interface_that_is_not_there_is_absent),
		cmocka_unit_test(an_interface_has_the_addresses_that_it_has),
	};

	return cmocka_run_group_tests_name("a network interface", tests, NULL, NULL);
}
