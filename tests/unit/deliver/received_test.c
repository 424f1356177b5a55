#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "deliver/received.h"

static const struct {
	const char *title;
	const char *helo, *ip, *protocol, *login, *session;
	const char *line;
} rows[] = {
	{ "a client on the LAN is named with its address", "nurse-pc", "10.0.0.5",
	  "ESMTPSA", "nurse", "abc1",
	  "Received: from nurse-pc ([10.0.0.5]) by gw.example with ESMTPSA id abc1;\n"
	  "\tSun, 22 Nov 2026 12:30:01 +0000\n" },
	{ "a message of this machine names its user", "", "", "", "uid:1000", "abc2",
	  "Received: by gw.example (user uid:1000) id abc2; Sun, 22 Nov 2026 12:30:01 "
	  "+0000\n" },
	{ "a greeting cannot forge a header", "x\r\nBcc: y (", "::1", "SMTP", "", "abc3",
	  "Received: from x??Bcc:?y?? ([IPv6:::1]) by gw.example with SMTP id abc3;\n"
	  "\tSun, 22 Nov 2026 12:30:01 +0000\n" },
	{ "no greeting is said to be unknown", "", "10.0.0.5", "SMTP", "", "abc4",
	  "Received: from unknown ([10.0.0.5]) by gw.example with SMTP id abc4;\n"
	  "\tSun, 22 Nov 2026 12:30:01 +0000\n" },
};

static void the_line_says(void **state)
{
	size_t i = (uintptr_t)*state;
	AUTO_BUF out = BUF_INIT(4096);
	struct received received = { .helo = span_of(rows[i].helo),
				     .remote_ip = span_of(rows[i].ip),
				     .protocol = span_of(rows[i].protocol),
				     .login = span_of(rows[i].login),
				     .session = span_of(rows[i].session),
				     .me = "gw.example",
				     .now = 1795350601 };

	assert_true(received_append(&out, &received));
	assert_string_equal(out.data, rows[i].line);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = the_line_says,
						.initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("received line", tests, NULL, NULL);
}
