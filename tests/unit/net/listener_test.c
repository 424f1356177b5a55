#include "net/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"

static int dial(const char *ip, uint16_t port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	bool old = inet_pton(AF_INET, ip, &v4.sin_addr) == 1;
	int fd = socket(old ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int failed;

	if (!old)
		inet_pton(AF_INET6, ip, &v6.sin6_addr);
	failed = old ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
		     : connect(fd, (struct sockaddr *)&v6, sizeof(v6));
	if (failed)
		file_close(&fd);
	return fd;
}

static void wait_for(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&ready, 1, 10000), 1);
}

static void a_client_is_accepted(const char *address, const char *ip)
{
	struct err err = { 0 };
	uint16_t port = 0;
	AUTO_FD listener = listener_open(address, 0, &port, &err);
	AUTO_FD client = -1;
	AUTO_FD taken = -1;
	char remote[LISTENER_ADDRESS_MAX], shown[LISTENER_ADDRESS_MAX], expected[80];

	if (listener < 0)
		fail_msg("%s", err.text);
	assert_int_not_equal(port, 0);
	snprintf(expected, sizeof(expected), strchr(ip, ':') ? "[%s]:%u" : "%s:%u", ip,
		 (unsigned)port);
	assert_string_equal(listener_address(listener, shown), expected);
	assert_int_equal(listener_accept(listener, &taken, remote, &err), LISTENER_EMPTY);
	client = dial(ip, port);
	assert_true(client >= 0);
	wait_for(listener);
	assert_int_equal(listener_accept(listener, &taken, remote, &err),
			 LISTENER_CLIENT);
	assert_string_equal(remote, ip);
	assert_string_equal(listener_remote(taken, shown), ip);
	assert_string_equal(listener_remote(listener, shown), "?");
	assert_int_equal(fcntl(taken, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fcntl(taken, F_GETFD), FD_CLOEXEC);
}

/* Some containers are without. */
static bool has_ipv6(void)
{
	struct err err;
	uint16_t port;
	AUTO_FD any = listener_open("::1", 0, &port, &err);

	return any >= 0;
}

static void clients_come_by_either_family(void **state)
{
	(void)state;
	a_client_is_accepted("127.0.0.1", "127.0.0.1");
	if (!has_ipv6())
		skip();
	a_client_is_accepted("::1", "::1");
	a_client_is_accepted("[::1]", "::1");
}

static void one_port_serves_all_addresses(void **state)
{
	struct err err = { 0 };
	uint16_t port = 0, same = 0;
	AUTO_FD every4 = listener_open("0.0.0.0", 0, &port, &err);
	AUTO_FD every6 = listener_open("::", port, &same, &err);

	(void)state;
	if (!has_ipv6())
		skip();
	if (every6 < 0)
		fail_msg("%s", err.text);
	assert_int_equal(same, port);
}

static void a_port_in_use_is_named(void **state)
{
	struct err err = { 0 };
	uint16_t port = 0, ignored;
	AUTO_FD first = listener_open("127.0.0.1", 0, &port, &err);
	char expected[100];

	(void)state;
	assert_true(first >= 0);
	assert_int_equal(listener_open("127.0.0.1", port, &ignored, &err), -1);
	snprintf(expected, sizeof(expected),
		 "listen on 127.0.0.1 port %u: Address already in use", (unsigned)port);
	assert_string_equal(err.text, expected);
}

static void what_is_no_address_is_a_wrong_setting(void **state)
{
	static const char *const rows[] = { "",     "localhost", "127.0.0.1:25", "[",
					    "[::1", "::1]",      "256.1.1.1",    "[]" };

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct err err = { 0 };
		uint16_t port;

		assert_int_equal(listener_open(rows[i], 0, &port, &err), -1);
		assert_int_equal(err_exit_code(&err), EX_CONFIG);
	}
}

static void a_client_waits_while_descriptors_are_short(void **state)
{
	struct rlimit full, none;
	struct err err = { 0 };
	uint16_t port = 0;
	AUTO_FD listener = listener_open("127.0.0.1", 0, &port, &err);
	AUTO_FD client = dial("127.0.0.1", port);
	AUTO_FD taken = -1;
	char remote[LISTENER_ADDRESS_MAX];

	(void)state;
	wait_for(listener);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &full), 0);
	none = (struct rlimit){ 0, full.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(listener_accept(listener, &taken, remote, &err),
			 LISTENER_FAILED);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &full), 0);
	assert_int_equal(err.kind, ERR_TEMPORARY);
	assert_int_equal(listener_accept(listener, &taken, remote, &err),
			 LISTENER_CLIENT);
	assert_true(client >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_come_by_either_family),
		cmocka_unit_test(one_port_serves_all_addresses),
		cmocka_unit_test(a_port_in_use_is_named),
		cmocka_unit_test(what_is_no_address_is_a_wrong_setting),
		cmocka_unit_test(a_client_waits_while_descriptors_are_short),
	};

	return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
