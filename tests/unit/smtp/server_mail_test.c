#include "server_script.h"

static const struct smtp_policy stranger = { .me = "mx.example",
					     .greeting = "mx.example",
					     .databytes = 1000 };
static const struct smtp_policy submission = { .me = "mx.example",
					       .greeting = "mx.example",
					       .login_required = true,
					       .login_offered = true,
					       .tls_offered = true };

static const struct script scripts[] = {
	{ .title = "a stranger's recipients are asked about one by one",
	  .policy = &stranger,
	  .client = MAIL "RCPT TO:<no@b>\r\nRCPT TO:<later@b>\r\nRCPT TO:<yes@b>\r\n",
	  .replies = "250 |250 2.1.0|550 5.1.1 no such user|451 4.2.1 not today|"
		     "250 2.1.5",
	  .events = "rcpt <ann@a.example> <no@b>; rcpt <ann@a.example> <later@b>; "
		    "rcpt <ann@a.example> <yes@b>; " },
	{ .title = "the null sender is one",
	  .client = EHLO "MAIL FROM:<>\r\nRCPT TO:<postmaster>\r\n",
	  .replies = "250 |250 |250 ",
	  .events = "rcpt <> <postmaster> relay; " },
	{ .title = "addresses as people type them",
	  .client = EHLO "mail <a@b>\r\nRSET\r\nMAIL from a@b\r\nRSET\r\n"
			 "MAIL FROM: <a@b>\r\nRCPT <c@d>\r\nRCPT TO: <e@f>\r\n"
			 "rcpt to:g@h\r\nRCPT TO :<i@j>\r\nRCPT <to@k>\r\n",
	  .replies = "250 |250 |250 |250 |250 |250 |250 |250 |250 |250 |250 ",
	  .events = "rcpt <a@b> <c@d> relay; rcpt <a@b> <e@f> relay; "
		    "rcpt <a@b> <g@h> relay; rcpt <a@b> <i@j> relay; "
		    "rcpt <a@b> <to@k> relay; " },
	{ .title = "a quoted local part loses its quotes, a source route is dropped",
	  .client = EHLO "MAIL FROM:<\"ann b\"@a>\r\nRCPT TO:<@x,@y:bob@b>\r\n"
			 "RCPT TO:<\"a\\\"b\"@c>\r\n",
	  .replies = "250 |250 |250 |250 ",
	  .events = "rcpt <ann b@a> <bob@b> relay; rcpt <ann b@a> <a\"b@c> relay; " },
	{ .title = "what the shell would eat is only an address here",
	  .client = MAIL "RCPT TO:<;a`b$(c)|d&-../@e>\r\nRCPT TO:<-x@e>\r\n",
	  .replies = "250 |250 |501 |250 " },
	{ .title = "what is no address is refused",
	  .client = EHLO "MAIL FROM:\r\nMAIL\r\nMAIL FROM:<a@b\r\nMAIL FROM:<a@b>c\r\n"
			 "MAIL FROM:<a b@c>\r\nMAIL FROM:<@>\r\nMAIL FROM:<a@b> \r\n"
			 "RCPT TO:<>\r\nRCPT\r\nRCPT TO:<a@>\r\n",
	  .replies = "250 |501 5.5.4|501 5.5.4|501 5.1.7|501 5.5.4|501 5.1.7|501 5.1.7|"
		     "250 |501 5.1.3|501 5.5.4|501 5.1.3",
	  .events = "" },
	{ .title = "a message has one sender",
	  .client = MAIL "MAIL FROM:<eve@e.example>\r\nRCPT TO:<bob@b>\r\n",
	  .replies = "250 |250 |503 5.5.1|250 ",
	  .events = "rcpt <ann@a.example> <bob@b> relay; " },
	{ .title = "recipients need a sender",
	  .client = EHLO "RCPT TO:<bob@b>\r\n",
	  .replies = "250 |503 5.5.1" },
	{ .title = "parameters that are offered are taken",
	  .client = EHLO "MAIL FROM:<a@b> SIZE=999 BODY=8BITMIME SMTPUTF8\r\n"
			 "RCPT TO:<c@d>\r\nDATA\r\n",
	  .replies = "250 |250 |250 |354",
	  .events = "rcpt <a@b> <c@d> relay; draft 999; " },
	{ .title = "parameters that are not offered are refused",
	  .client = EHLO "MAIL FROM:<a@b> RET=FULL\r\nMAIL FROM:<a@b> x\r\n"
			 "MAIL FROM:<a@b> AUTH=<>\r\nMAIL FROM:<a@b> BODY=BINARYMIME\r\n"
			 "MAIL FROM:<a@b>\r\nRCPT TO:<c@d> NOTIFY=NEVER\r\n",
	  .replies = "250 |555 5.5.4|555 5.5.4|555 5.5.4|501 5.5.4|250 |555 5.5.4",
	  .events = "" },
	{ .title = "parameters come with EHLO only",
	  .client = "HELO a\r\nMAIL FROM:<a@b> SIZE=1\r\n",
	  .replies = "250 |555 5.5.4" },
	{ .title = "a parameter comes once, with the value it needs",
	  .client = EHLO "MAIL FROM:<a@b> SIZE=1 SIZE=1\r\nMAIL FROM:<a@b> SIZE\r\n"
			 "MAIL FROM:<a@b> SIZE=\r\nMAIL FROM:<a@b> SIZE=-1\r\n"
			 "MAIL FROM:<a@b> SIZE=1k\r\nMAIL FROM:<a@b> SMTPUTF8=1\r\n"
			 "MAIL FROM:<a@b> SIZE=18446744073709551615\r\n"
			 "MAIL FROM:<a@b> SIZE=99999999999999999999999999\r\n"
			 "MAIL FROM:<a@b> BODY=\r\n",
	  .replies = "250 |501 5.5.4|501 5.5.4|501 5.5.4|501 5.5.4|501 5.5.4|501 5.5.4|"
		     "501 5.5.4|501 5.5.4|501 5.5.4" },
	{ .title = "a message announced as too large is refused before it comes",
	  .policy = &stranger,
	  .client = EHLO "MAIL FROM:<a@b> SIZE=1001\r\nRCPT TO:<c@d>\r\n"
			 "MAIL FROM:<a@b> SIZE=1000\r\n",
	  .replies = "250 |552 5.3.4|503 |250 ",
	  .events = "" },
	{ .title = "addresses beyond ASCII need SMTPUTF8",
	  .client = EHLO "MAIL FROM:<j\xc3\xb6rg@a>\r\nMAIL FROM:<a@b>\r\n"
			 "RCPT TO:<j\xc3\xb6rg@a>\r\nRSET\r\n"
			 "MAIL FROM:<j\xc3\xb6rg@a> SMTPUTF8\r\n"
			 "RCPT TO:<z\xc3\xb6@a>\r\n",
	  .replies = "250 |553 5.6.7|250 |553 5.6.7|250 |250 |250 ",
	  .events = "rcpt <j\xc3\xb6rg@a> <z\xc3\xb6@a> relay; " },
	{ .title = "submission wants TLS, then a login",
	  .policy = &submission,
	  .client = MAIL "STARTTLS\r\n",
	  .under_tls = MAIL,
	  .replies = "250 |530 5.7.0 STARTTLS|220|250 |530 5.7.0 AUTH",
	  .events = "tls; " },
};

static void reject_all(struct told *told, int times)
{
	for (int i = 0; i < times && !told->closed; i++)
		feed(told, span_of("RCPT TO:<nobody@b.example>\r\n"));
}

static void harvest(void **state)
{
	struct script script = { .policy = &stranger };
	struct told told;

	(void)state;
	told_begin(&told, &script);
	feed(&told, span_of(MAIL));
	reject_all(&told, 200);
	assert_true(told.closed);
	assert_non_null(strstr(told.replies.data, "\r\n421 4.7.0 "));
	told_end(&told);
	script.policy = &friendly;
	told_begin(&told, &script);
	feed(&told, span_of(MAIL));
	reject_all(&told, 200);
	assert_false(told.closed);
	told_end(&told);
}

static void many_recipients(void **state)
{
	struct script script = { .stored = "" };
	struct told told;

	(void)state;
	told_begin(&told, &script);
	feed(&told, span_of(MAIL));
	for (int i = 0; i < 1001; i++) {
		AUTO_BUF line = BUF_INIT(100);

		buf_reset(&told.replies);
		append(&line, "RCPT TO:<r%d@b.example>\r\n", i);
		feed(&told, buf_span(&line));
		assert_string_equal(told.replies.data,
				    i < 1000 ? "250 2.1.5 recipient ok\r\n"
					     : "452 4.5.3 too many recipients for one "
					       "message\r\n");
	}
	feed(&told, span_of("DATA\r\nx\r\n.\r\n"));
	assert_string_equal(told.stored.data, "x\n|");
	told_end(&told);
}

static void thousand_parameters(void **state)
{
	AUTO_BUF line = BUF_INIT(1 << 16);
	struct script script = { .replies = "250 |555 5.5.4|500 5.5.2" };
	struct told told;

	(void)state;
	append(&line, EHLO "MAIL FROM:<a@b>");
	for (int i = 0; i < 400; i++)
		append(&line, " x=%d", i);
	append(&line, "\r\nMAIL FROM:<a@b>");
	for (int i = 0; i < 1000; i++)
		append(&line, " x=%d", i);
	append(&line, "\r\n");
	told_begin(&told, &script);
	feed(&told, buf_span(&line));
	check_replies(&told);
	told_end(&told);
}

static const struct CMUnitTest more_tests[] = {
	{ "who tries names is shown out, a friend is not", harvest, 0, 0, 0 },
	{ "the thousand and first recipient waits for another message", many_recipients,
	  0, 0, 0 },
	{ "a thousand parameters do no harm", thousand_parameters, 0, 0, 0 },
};

int main(void)
{
	SCRIPT_TESTS(scripts, more_tests);
	return cmocka_run_group_tests_name("smtp server: addresses", tests, NULL, NULL);
}
