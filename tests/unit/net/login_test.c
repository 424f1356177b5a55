/* Logins, line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "net/login.h"

static const struct {
	const char *title;
	struct login login;
	const char *begin; /* our first command */
	struct {
		const char *line, *answer;
	} turns[5];
	enum login_state end;
} rows[] = {
	{ .title = "SMTP, PLAIN: the response goes with the command (RFC 4616)",
	  .login = { .mechanism = MECHANISM_PLAIN,
		     .user = "tim",
		     .secret = "tanstaaftanstaaf" },
	  .begin = "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n",
	  .turns = { { "235-2.7.0 welcome", "" }, { "235 2.7.0 tim", "" } },
	  .end = LOGIN_IN },
	{ .title = "SMTP, PLAIN: a server that asks once more is refused",
	  .login = { .mechanism = MECHANISM_PLAIN, .user = "tim", .secret = "x" },
	  .begin = "AUTH PLAIN AHRpbQB4\r\n",
	  .turns = { { "334 ", "*\r\n" }, { "501 5.7.0 cancelled", "" } },
	  .end = LOGIN_REFUSED },
	{ .title = "SMTP, LOGIN: name and password are asked for",
	  .login = { .mechanism = MECHANISM_LOGIN, .user = "tim", .secret = "sesame" },
	  .begin = "AUTH LOGIN\r\n",
	  .turns = { { "334 VXNlcm5hbWU6", "dGlt\r\n" },
		     { "334 UGFzc3dvcmQ6", "c2VzYW1l\r\n" },
		     { "535 5.7.8 no", "" } },
	  .end = LOGIN_REFUSED },
	{ .title = "SMTP, CRAM-MD5: the example of RFC 2195",
	  .login = { .mechanism = MECHANISM_CRAM_MD5,
		     .user = "tim",
		     .secret = "tanstaaftanstaaf" },
	  .begin = "AUTH CRAM-MD5\r\n",
	  .turns = { { "334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",
		       "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n" },
		     { "235 ok", "" } },
	  .end = LOGIN_IN },
	{ .title = "SMTP, CRAM-MD5: a challenge that cannot be read is cancelled",
	  .login = { .mechanism = MECHANISM_CRAM_MD5, .user = "tim", .secret = "x" },
	  .begin = "AUTH CRAM-MD5\r\n",
	  .turns = { { "334 ???", "*\r\n" }, { "501 5.5.2 what?", "" } },
	  .end = LOGIN_REFUSED },
	{ .title = "SMTP, XOAUTH2: the reason of a refusal is answered with nothing",
	  .login = { .mechanism = MECHANISM_XOAUTH2, .user = "a@b", .secret = "t" },
	  .begin = "AUTH XOAUTH2 dXNlcj1hQGIBYXV0aD1CZWFyZXIgdAEB\r\n",
	  .turns = { { "334 eyJzdGF0dXMiOiI0MDAifQ==", "\r\n" }, { "535 5.7.8 no", "" } },
	  .end = LOGIN_REFUSED },
	{ .title = "POP3, USER and PASS",
	  .login = { .protocol = DIAL_POP3,
		     .mechanism = MECHANISM_PASSWORD,
		     .user = "tim",
		     .secret = "sesame" },
	  .begin = "USER tim\r\n",
	  .turns = { { "+OK", "PASS sesame\r\n" }, { "+OK 3 messages", "" } },
	  .end = LOGIN_IN },
	{ .title = "POP3, USER refused",
	  .login = { .protocol = DIAL_POP3,
		     .mechanism = MECHANISM_PASSWORD,
		     .user = "tim",
		     .secret = "sesame" },
	  .begin = "USER tim\r\n",
	  .turns = { { "-ERR not without TLS", "" } },
	  .end = LOGIN_REFUSED },
	{ .title = "POP3, APOP: the example of RFC 1939",
	  .login = { .protocol = DIAL_POP3,
		     .mechanism = MECHANISM_APOP,
		     .user = "mrose",
		     .secret = "tanstaaf",
		     .greeting =
			     "+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>" },
	  .begin = "APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n",
	  .turns = { { "+OK", "" } },
	  .end = LOGIN_IN },
	{ .title =
		  "POP3, a response too long for the command waits to be asked (RFC 5034)",
	  .login = { .protocol = DIAL_POP3,
		     .mechanism = MECHANISM_PLAIN,
		     .user = "tim",
		     .secret =
			     "0123456789012345678901234567890123456789012345678901234567890123456789"
			     "0123456789012345678901234567890123456789012345678901234567890123456789"
			     "01234567890123456789012345678901234567890123456789" },
	  .begin = "AUTH PLAIN\r\n",
	  .turns = { { "+ ", NULL }, { "+OK", "" } },
	  .end = LOGIN_IN },
	{ .title = "IMAP, LOGIN: quotes and backslashes are quoted",
	  .login = { .protocol = DIAL_IMAP,
		     .mechanism = MECHANISM_PASSWORD,
		     .user = "tim",
		     .secret = "a\"b\\c" },
	  .begin = "L1 LOGIN \"tim\" \"a\\\"b\\\\c\"\r\n",
	  .turns = { { "* CAPABILITY IMAP4rev1", "" }, { "L1 OK in", "" } },
	  .end = LOGIN_IN },
	{ .title = "IMAP, PLAIN: the response goes along where the server takes it",
	  .login = { .protocol = DIAL_IMAP,
		     .mechanism = MECHANISM_PLAIN,
		     .user = "tim",
		     .secret = "x",
		     .has_initial = true },
	  .begin = "L1 AUTHENTICATE PLAIN AHRpbQB4\r\n",
	  .turns = { { "L1 NO [AUTHENTICATIONFAILED] no", "" } },
	  .end = LOGIN_REFUSED },
	{ .title = "IMAP, PLAIN: and waits where it does not",
	  .login = { .protocol = DIAL_IMAP,
		     .mechanism = MECHANISM_PLAIN,
		     .user = "tim",
		     .secret = "x" },
	  .begin = "L1 AUTHENTICATE PLAIN\r\n",
	  .turns = { { "+", "AHRpbQB4\r\n" }, { "L1 OK [CAPABILITY IMAP4rev1] in", "" } },
	  .end = LOGIN_IN },
	{ .title = "IMAP, a farewell is a refusal",
	  .login = { .protocol = DIAL_IMAP,
		     .mechanism = MECHANISM_PASSWORD,
		     .user = "tim",
		     .secret = "x" },
	  .begin = "L1 LOGIN \"tim\" \"x\"\r\n",
	  .turns = { { "A9 OK another's", "" }, { "* BYE too many", "" } },
	  .end = LOGIN_REFUSED },
};

static void conversation(void **state)
{
	size_t i = (uintptr_t)*state, turn = 0;
	struct login login = rows[i].login;
	enum login_state got = LOGIN_GOES_ON;
	AUTO_BUF out = BUF_INIT(65536);

	assert_true(login_begin(&login, &out));
	assert_string_equal(out.data, rows[i].begin);
	for (; turn < LENGTH(rows[i].turns) && rows[i].turns[turn].line; turn++) {
		assert_int_equal(got, LOGIN_GOES_ON);
		buf_reset(&out);
		got = login_hear(&login, span_of(rows[i].turns[turn].line), &out);
		if (rows[i].turns[turn].answer)
			assert_string_equal(out.data, rows[i].turns[turn].answer);
	}
	assert_int_equal(got, rows[i].end);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = conversation;
		tests[i].initial_state = (void *)(uintptr_t)i;
	}
	return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
