#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/usage.h"

/* A connection over loopback; what is written is read. */
static void connect_both(int family, int ends[2])
{
	struct sockaddr_storage place = { .ss_family = (sa_family_t)family };
	struct sockaddr_in *four = (void *)&place;
	struct sockaddr_in6 *six = (void *)&place;
	socklen_t len = family == AF_INET ? sizeof(*four) : sizeof(*six);
	int listener = socket(family, SOCK_STREAM, 0);

	if (family == AF_INET)
		four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		six->sin6_addr = in6addr_loopback;
	ends[0] = ends[1] = -1;
	if (listener >= 0 && bind(listener, (struct sockaddr *)&place, len) == 0 &&
	    listen(listener, 1) == 0 &&
	    getsockname(listener, (struct sockaddr *)&place, &len) == 0) {
		ends[0] = socket(family, SOCK_STREAM, 0);
		if (connect(ends[0], (struct sockaddr *)&place, len) == 0)
			ends[1] = accept(listener, NULL, NULL);
	}
	close(listener);
}

static uint64_t used_for(int family, const char *bytes, size_t len)
{
	uint64_t used = 0;
	char room[8192];
	int ends[2];

	connect_both(family, ends);
	if (ends[1] < 0)
		skip();
	assert_int_equal(write(ends[0], bytes, len), (ssize_t)len);
	assert_int_equal(recv(ends[1], room, len, MSG_WAITALL), (ssize_t)len);
	used = usage_bytes(ends[0]);
	/* Both ends see the same, but for what is just under way. */
	assert_in_range(usage_bytes(ends[1]), used - 200, used + 200);
	close(ends[0]);
	close(ends[1]);
	return used;
}

static void both_directions_and_headers_count(void **state)
{
	static const char bytes[4000];
	uint64_t four = used_for(AF_INET, bytes, sizeof(bytes));

	(void)state;
	/* Three segments of a greeting, one or more with the bytes, and answers. */
	assert_in_range(four, sizeof(bytes) + 160, sizeof(bytes) + 1040);
}

static void an_ipv6_header_is_larger(void **state)
{
	static const char bytes[4000];

	(void)state;
	assert_in_range(used_for(AF_INET6, bytes, sizeof(bytes)), sizeof(bytes) + 240,
			sizeof(bytes) + 1440);
}

static void what_is_no_connection_costs_nothing(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(usage_bytes(-1), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(usage_bytes(ends[0]), 0);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_and_headers_count),
		cmocka_unit_test(an_ipv6_header_is_larger),
		cmocka_unit_test(what_is_no_connection_costs_nothing),
	};

	return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
