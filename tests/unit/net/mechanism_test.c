/* Which login is tried, and which after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/attr.h"
#include "net/mechanism.h"

/* Providers whose CRAM-MD5 takes no password at all. */
#define OVH "250-isp\n250-AUTH CRAM-MD5 DIGEST-MD5 PLAIN LOGIN\n250 8BITMIME\n"

static const struct {
	const char *title;
	const char *offer, *greeting;
	const char *order; /* while each is refused */
	struct mechanism_known known;
	enum dial_protocol protocol;
	bool about_password;
} rows[] = {
	{ .title = "over TLS the plainest is first, whatever else is offered",
	  .offer = OVH,
	  .known = { .has_tls = true },
	  .order = "plain login cram-md5" },
	{ .title = "two wrong passwords are enough",
	  .offer = OVH,
	  .known = { .has_tls = true },
	  .about_password = true,
	  .order = "plain login" },
	{ .title = "in the open a challenge is first",
	  .offer = OVH,
	  .order = "cram-md5 plain login" },
	{ .title = "what worked last time goes before all",
	  .offer = OVH,
	  .known = { .has_tls = true, .good = MECHANISM_CRAM_MD5 },
	  .order = "cram-md5 plain login" },
	{ .title = "what worked last time and is not offered any more is passed over",
	  .offer = "250-isp\n250 AUTH LOGIN\n",
	  .known = { .has_tls = true, .good = MECHANISM_PLAIN },
	  .order = "login" },
	{ .title = "the one that is set is the only one",
	  .offer = OVH,
	  .known = { .has_tls = true, .only = MECHANISM_LOGIN },
	  .order = "login" },
	{ .title = "the one that is set is not tried where it is not offered",
	  .offer = "250-isp\n250 AUTH LOGIN\n",
	  .known = { .has_tls = true, .only = MECHANISM_CRAM_MD5 },
	  .order = "" },
	{ .title = "a token is no password",
	  .offer = "250-isp\n250 AUTH PLAIN LOGIN XOAUTH2\n",
	  .known = { .has_tls = true, .is_token = true },
	  .order = "xoauth2" },
	{ .title = "a password is no token",
	  .offer = "250-isp\n250 AUTH XOAUTH2\n",
	  .known = { .has_tls = true, .good = MECHANISM_XOAUTH2 },
	  .order = "" },
	{ .title = "old servers write an equals sign",
	  .offer = "250-isp\n250 auth=login\n",
	  .known = { .has_tls = true },
	  .order = "login" },
	{ .title = "what we do not speak is not tried",
	  .offer = "250-isp\n250 AUTH NTLM GSSAPI DIGEST-MD5\n",
	  .known = { .has_tls = true },
	  .order = "" },
	{ .title = "no AUTH, no login",
	  .offer = "250-isp\n250 AUTHOR\n",
	  .known = { .has_tls = true },
	  .order = "" },
	{ .title = "POP3: SASL, then USER and PASS",
	  .protocol = DIAL_POP3,
	  .offer = "TOP\nUSER\nSASL CRAM-MD5 PLAIN\n",
	  .greeting = "+OK ready <17.3@isp>",
	  .known = { .has_tls = true },
	  .order = "plain password cram-md5" },
	{ .title = "POP3 in the open: what hides the password is first",
	  .protocol = DIAL_POP3,
	  .offer = "USER\n",
	  .greeting = "+OK ready <17.3@isp>",
	  .order = "apop password" },
	{ .title = "POP3 without CAPA has USER",
	  .protocol = DIAL_POP3,
	  .offer = "",
	  .greeting = "+OK ready",
	  .known = { .has_tls = true },
	  .order = "password" },
	{ .title = "IMAP: SASL, then LOGIN the command, then LOGIN the mechanism",
	  .protocol = DIAL_IMAP,
	  .offer = "IMAP4rev1 AUTH=CRAM-MD5 AUTH=LOGIN AUTH=PLAIN\n",
	  .known = { .has_tls = true },
	  .order = "plain password login" },
	{ .title = "IMAP may forbid the command",
	  .protocol = DIAL_IMAP,
	  .offer = "IMAP4rev1 LOGINDISABLED AUTH=CRAM-MD5\n",
	  .known = { .has_tls = true },
	  .order = "cram-md5" },
};

static void order(void **state)
{
	size_t i = (uintptr_t)*state;
	struct mechanism_known known = rows[i].known;
	const char *greeting = rows[i].greeting ? rows[i].greeting : "";
	enum mechanism next;
	char got[100] = "";

	known.offered =
		mechanisms_offered(rows[i].protocol, span_of(rows[i].offer), greeting);
	while ((next = mechanism_next(&known)) != MECHANISM_NONE) {
		size_t used = strlen(got);

		snprintf(got + used, sizeof(got) - used, "%s%s", used ? " " : "",
			 mechanism_name(next));
		known.tried |= MECHANISM_BIT(next);
		known.wrong_passwords += rows[i].about_password;
	}
	assert_string_equal(got, rows[i].order);
}

static void names_are_read_as_they_are_written(void **state)
{
	(void)state;
	for (int i = MECHANISM_NONE; i < MECHANISM_COUNT; i++)
		assert_int_equal(mechanism_named(mechanism_name((enum mechanism)i)), i);
	assert_int_equal(mechanism_named(NULL), MECHANISM_NONE);
	assert_int_equal(mechanism_named("digest-md5"), MECHANISM_NONE);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = {
		[LENGTH(rows)] = cmocka_unit_test(names_are_read_as_they_are_written)
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = order;
		tests[i].initial_state = (void *)(uintptr_t)i;
	}
	return cmocka_run_group_tests_name("mechanism", tests, NULL, NULL);
}
