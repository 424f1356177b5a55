#include "server_script.h"

static const struct smtp_policy under_tls = { .me = "mx.example",
					      .greeting = "mx.example",
					      .login_required = true,
					      .login_offered = true,
					      .tls_active = true };
static const struct smtp_policy before_tls = { .me = "mx.example",
					       .greeting = "mx.example",
					       .login_offered = true,
					       .tls_offered = true };

/* NUL ann NUL secret; NUL ann NUL wrong; NUL busy NUL x; ann; secret */
#define PLAIN_ANN   "AGFubgBzZWNyZXQ="
#define PLAIN_WRONG "AGFubgB3cm9uZw=="
#define PLAIN_BUSY  "AGJ1c3kAeA=="
#define ANN         "YW5u"
#define SECRET      "c2VjcmV0"

static const struct script scripts[] = {
	{ .title = "PLAIN in one line, then mail to anyone",
	  .policy = &under_tls,
	  .client = EHLO "AUTH PLAIN " PLAIN_ANN "\r\nMAIL FROM:<a@b> AUTH=a@b\r\n"
			 "RCPT TO:<c@d>\r\n",
	  .replies = "250 |235 2.7.0|250 |250 ",
	  .events = "login <ann> <secret>; rcpt <a@b> <c@d> relay; " },
	{ .title = "PLAIN in two lines",
	  .policy = &under_tls,
	  .client = EHLO "auth plain\r\n" PLAIN_ANN "\r\n",
	  .replies = "250 |334 |235 2.7.0",
	  .events = "login <ann> <secret>; " },
	{ .title = "LOGIN, with the name at once or asked for",
	  .policy = &under_tls,
	  .client = EHLO "AUTH LOGIN\r\n" ANN "\r\n*\r\nAUTH LOGIN " ANN "\r\n" SECRET
			 "\r\n",
	  .replies = "250 |334 VXNlcm5hbWU6|334 UGFzc3dvcmQ6|501 5.7.0|"
		     "334 UGFzc3dvcmQ6|235",
	  .events = "login <ann> <secret>; " },
	{ .title = "a wrong password is told so and leaves no login",
	  .policy = &under_tls,
	  .client = EHLO "AUTH PLAIN " PLAIN_WRONG "\r\nMAIL FROM:<a@b>\r\n"
			 "AUTH PLAIN " PLAIN_ANN "\r\n",
	  .replies = "250 |535 5.7.8|530 5.7.0|235",
	  .events = "login <ann> <wrong>; login <ann> <secret>; " },
	{ .title = "logins that cannot be checked are temporary",
	  .policy = &under_tls,
	  .client = EHLO "AUTH PLAIN " PLAIN_BUSY "\r\n",
	  .replies = "250 |454 4.7.0",
	  .events = "login <busy> <x>; " },
	{ .title = "one login a session, none within a message",
	  .policy = &under_tls,
	  .client = EHLO "AUTH PLAIN " PLAIN_ANN "\r\nAUTH PLAIN " PLAIN_ANN "\r\n"
			 "MAIL FROM:<a@b>\r\nAUTH PLAIN " PLAIN_ANN "\r\n",
	  .replies = "250 |235|503 5.5.1|250 |503 5.5.1",
	  .events = "login <ann> <secret>; " },
	{ .title = "no login before the name",
	  .policy = &under_tls,
	  .client = "AUTH PLAIN " PLAIN_ANN "\r\n",
	  .replies = "503 5.5.1",
	  .events = "" },
	{ .title = "no password crosses in plain text",
	  .policy = &before_tls,
	  .client = EHLO "AUTH PLAIN " PLAIN_ANN "\r\nAUTH LOGIN\r\n",
	  .replies = "250 |538 5.7.11|538 5.7.11",
	  .events = "" },
	{ .title = "no logins where nobody checks them",
	  .client = EHLO "AUTH PLAIN " PLAIN_ANN "\r\n",
	  .replies = "250 |502 5.5.1",
	  .events = "" },
	{ .title = "other mechanisms are not known",
	  .policy = &under_tls,
	  .client = EHLO "AUTH CRAM-MD5\r\nAUTH\r\nAUTH PLAINER x\r\n",
	  .replies = "250 |504 5.5.4|504 5.5.4|504 5.5.4" },
	{ .title = "what is no PLAIN response is refused: base64, NULs",
	  .policy = &under_tls,
	  .client = EHLO "AUTH PLAIN a\r\nAUTH PLAIN AGFubg==\r\n"
			 "AUTH PLAIN AGFubgBhAGI=\r\nAUTH PLAIN =\r\n",
	  .replies = "250 |501 5.5.2|501 5.5.2|501 5.5.2|501 5.5.2",
	  .events = "" },
	{ .title = "an empty name is nobody's, and nobody acts for another",
	  .policy = &under_tls,
	  /* NUL NUL x; bob NUL ann NUL secret; ann NUL ann NUL secret */
	  .client = EHLO "AUTH PLAIN AAB4\r\nAUTH PLAIN Ym9iAGFubgBzZWNyZXQ=\r\n"
			 "AUTH PLAIN YW5uAGFubgBzZWNyZXQ=\r\n",
	  .replies = "250 |535 5.7.8|535 5.7.8|235",
	  .events = "login <ann> <secret>; " },
	{ .title = "a NUL within a name or a password is refused",
	  .policy = &under_tls,
	  /* a NUL b */
	  .client =
		  EHLO "AUTH LOGIN YQBi\r\n" SECRET "\r\nAUTH LOGIN " ANN "\r\nYQBi\r\n",
	  .replies = "250 |334|535 5.7.8|334|535 5.7.8",
	  .events = "" },
	{ .title = "a tab, a slash, a newline in a name go to the check as they are",
	  .policy = &under_tls,
	  /* NUL ../a TAB LF % NUL x */
	  .client = EHLO "AUTH PLAIN AC4uL2EJCiUAeA==\r\n",
	  .replies = "250 |535 5.7.8",
	  .events = "login <../a\t\n%> <x>; " },
	{ .title = "after five failed logins the session ends",
	  .policy = &under_tls,
	  .client = EHLO "AUTH PLAIN " PLAIN_WRONG "\r\nAUTH PLAIN " PLAIN_WRONG "\r\n"
			 "AUTH PLAIN " PLAIN_WRONG "\r\nAUTH PLAIN " PLAIN_WRONG "\r\n"
			 "AUTH PLAIN " PLAIN_WRONG "\r\nAUTH PLAIN " PLAIN_ANN "\r\n",
	  .replies = "250 |535|535|535|535|421 4.7.0" },
};

static void long_response(void **state)
{
	AUTO_BUF line = BUF_INIT(1 << 16);
	struct script script = { .policy = &under_tls,
				 .replies =
					 "250 |334|501 5.5.2|334|500 5.5.2|250 2.0.0" };
	struct told told;

	(void)state;
	append(&line, EHLO "AUTH PLAIN\r\n%0*d\r\nAUTH PLAIN\r\n%0*d\r\nNOOP\r\n", 12284,
	       0, 12288, 0);
	told_begin(&told, &script);
	feed(&told, buf_span(&line));
	check_replies(&told);
	told_end(&told);
}

static const struct CMUnitTest more_tests[] = {
	{ "a response has 12288 octets at most", long_response, 0, 0, 0 },
};

int main(void)
{
	SCRIPT_TESTS(scripts, more_tests);
	return cmocka_run_group_tests_name("smtp server: AUTH", tests, NULL, NULL);
}
