#include "server_script.h"

static const struct smtp_policy with_tls = { .me = "mx.example",
					     .greeting = "mx.example",
					     .databytes = 1000,
					     .login_offered = true,
					     .tls_offered = true };
static const struct smtp_policy under_tls = { .me = "mx.example",
					      .greeting = "mx.example",
					      .login_offered = true,
					      .tls_offered = true,
					      .tls_active = true };

static const struct script scripts[] = {
	{ .title = "hello and goodbye",
	  .client = EHLO QUIT,
	  .replies = "250 |221 2.0.0",
	  .events = "close; " },
	{ .title = "verbs may be typed in any case and with blanks around",
	  .client = "helo client\r\n  mail from: <ann@a.example>  \r\n\tquit \r\n",
	  .replies = "250 |250 2.1.0|221" },
	{ .title = "a sender needs a name first",
	  .client = "MAIL FROM:<ann@a.example>\r\n",
	  .replies = "503 5.5.1" },
	{ .title = "a name may be given again",
	  .client = EHLO "HELO other\r\n" EHLO,
	  .replies = "250 |250 |250 " },
	{ .title = "a hello without a name is refused",
	  .client = "EHLO\r\nHELO \r\nMAIL FROM:<ann@a.example>\r\n",
	  .replies = "501 5.5.4|501 5.5.4|503" },
	{ .title = "a hello with bytes that no name has is refused",
	  .client = "EHLO a\x01\r\nEHLO b\xff\r\n",
	  .replies = "500 5.5.2|501 5.5.4" },
	{ .title = "EHLO forgets the message",
	  .client = RCPT EHLO "DATA\r\n",
	  .replies = "250 |250 2.1.0|250 2.1.5|250 |503 5.5.1",
	  .events = "rcpt <ann@a.example> <bob@b.example> relay; reset; " },
	{ .title = "RSET forgets the message and needs none",
	  .client = EHLO "RSET\r\nMAIL FROM:<>\r\nRSET\r\nRCPT TO:<b@b>\r\nRSET now\r\n",
	  .replies = "250 |250 2.0.0|250 2.1.0|250 2.0.0|503 5.5.1|501 5.5.4",
	  .events = "" },
	{ .title = "the small verbs",
	  .client = "NOOP\r\nNOOP all right\r\nVRFY bob\r\nVRFY\r\nEXPN all\r\nHELP\r\n",
	  .replies = "250 2.0.0|250 2.0.0|252 2|501|502 5.5.1|214 2.0.0" },
	{ .title = "an unknown verb is told so",
	  .client = "HALO\r\nMAI\r\nMAILS\r\n\r\n",
	  .replies = "500 5.5.1|500 5.5.1|500 5.5.1|500 5.5.1" },
	{ .title = "an LF alone ends no command",
	  .client = "EHLO a\nNOOP\r\nNOOP\n\r\n",
	  .replies = "500 5.5.2|250 2.0.0|500 5.5.2|500 5.5.1" },
	{ .title = "a CR or a NUL within a command is refused",
	  BYTES("NO\rOP\r\nNOOP\0\r\nNOOP\r\r\nNOOP\r\n"),
	  .replies = "500 5.5.2|500 5.5.2|500 5.5.2|250" },
	{ .title = "a browser is shown out at once",
	  .client = "GET / HTTP/1.1\r\nHost: a\r\n\r\nEHLO a\r\n",
	  .replies = "500 5.5.1",
	  .events = "close; " },
	{ .title = "a TLS handshake in plain text is shown out at once",
	  .client = "\x16\x03\x01\x02",
	  .replies = "500 5.5.1",
	  .events = "close; " },
	{ .title = "nothing is heard after QUIT",
	  .client = EHLO QUIT "MAIL FROM:<ann@a.example>\r\n",
	  .replies = "250 |221",
	  .events = "close; " },
	{ .title = "twenty wrong commands are forgiven, not more",
	  .client = "a\r\na\r\na\r\na\r\na\r\na\r\na\r\na\r\na\r\na\r\na\r\na\r\na\r\n"
		    "a\r\na\r\na\r\na\r\na\r\na\r\na\r\na\r\nEHLO a\r\n",
	  .replies = "500|500|500|500|500|500|500|500|500|500|500|500|500|500|500|500|"
		     "500|500|500|500|421 4.7.0",
	  .events = "close; " },
	{ .title = "STARTTLS forgets the name and what was said before",
	  .policy = &with_tls,
	  .client = EHLO "STARTTLS\r\n",
	  .under_tls = "MAIL FROM:<ann@a.example>\r\n" MAIL,
	  .replies = "250 |220 2.0.0|503 5.5.1|250 |250 2.1.0",
	  .events = "tls; " },
	{ .title = "commands pipelined behind STARTTLS are dropped",
	  .policy = &with_tls,
	  .client = EHLO "STARTTLS\r\nRSET\r\nMAIL FROM:<eve@e.example>\r\n",
	  .under_tls = EHLO "RCPT TO:<bob@b.example>\r\n",
	  .replies = "250 |220|250 |503 5.5.1",
	  .events = "tls; ",
	  .whole_only = true },
	{ .title = "STARTTLS comes once, alone, and not within a message",
	  .policy = &with_tls,
	  .client = MAIL "STARTTLS\r\nRSET\r\nSTARTTLS now\r\nSTARTTLS\r\n",
	  .under_tls = EHLO "STARTTLS\r\n",
	  .replies = "250 |250 |503 5.5.1|250 |501 5.5.4|220|250 |503 5.5.1",
	  .events = "tls; " },
	{ .title = "no certificate, no TLS",
	  .client = EHLO "STARTTLS\r\n",
	  .replies = "250 |502 5.5.1" },
};

static void offers(const struct smtp_policy *policy, const char *reply)
{
	struct script script = { .policy = policy };
	struct told told;

	told_begin(&told, &script);
	feed(&told, span_of(EHLO));
	assert_string_equal(told.replies.data, reply);
	told_end(&told);
}

#define OFFERS                                                         \
	"220 mx.example ESMTP\r\n250-mx.example\r\n250-PIPELINING\r\n" \
	"250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n"

static void offers_what_there_is(void **state)
{
	(void)state;
	offers(&friendly, OFFERS "250 SIZE 0\r\n");
	offers(&with_tls, OFFERS "250-STARTTLS\r\n250 SIZE 1000\r\n");
	offers(&under_tls, OFFERS "250-AUTH PLAIN LOGIN\r\n250 SIZE 0\r\n");
}

static void long_line(void **state)
{
	AUTO_BUF line = BUF_INIT(1 << 21);
	struct script script = { .replies = "250 2.0.0|500 5.5.2|250 2.0.0|500 5.5.2" };
	struct told told;

	(void)state;
	told_begin(&told, &script);
	append(&line, "NOOP %*s\r\n", 4089, "");
	assert_int_equal(line.len, 4096);
	feed(&told, buf_span(&line));
	buf_reset(&line);
	append(&line, "NOOP %*s\r\nNOOP\r\n", 4090, "");
	feed(&told, buf_span(&line));
	buf_reset(&line);
	append(&line, "%*s", 1000000, "NOOP");
	for (size_t i = 0; i < line.len && !told.closed; i += 1000) {
		feed(&told, (struct span){ line.data + i, 1000 });
		assert_in_range(told.input.len, 0, 6000);
	}
	assert_true(told.closed);
	check_replies(&told);
	told_end(&told);
}

static void idle_commands(void **state)
{
	struct script script = { 0 };
	struct told told;
	int count = 0;

	(void)state;
	told_begin(&told, &script);
	for (; !told.closed && count < 10000; count++)
		feed(&told, span_of("NOOP\r\n"));
	assert_int_equal(count, 101);
	assert_non_null(strstr(told.replies.data, "\r\n421 4.7.0 mx.example too many"));
	told_end(&told);
}

static void much_output(void **state)
{
	AUTO_BUF input = BUF_INIT(1 << 20);
	struct smtp_server *server = smtp_server_new(&friendly);

	(void)state;
	for (int i = 0; i < 90; i++)
		append(&input, EHLO);
	assert_int_equal(smtp_server_next(server, &input)->kind, SMTP_OUTPUT);
	assert_in_range(smtp_server_output(server)->len, 8192, 9000);
	buf_reset(smtp_server_output(server));
	assert_int_equal(smtp_server_next(server, &input)->kind, SMTP_NEEDS_INPUT);
	smtp_server_free(server);
}

static void expelled(void **state)
{
	struct script script = { .replies =
					 "250 |250 |250 |421 4.3.2 mx.example closing" };
	struct told told;

	(void)state;
	told_begin(&told, &script);
	feed(&told, span_of(RCPT));
	smtp_server_expel(told.server, "4.3.2", "closing");
	pump(&told);
	assert_true(told.closed);
	check_replies(&told);
	told_end(&told);
}

static const struct CMUnitTest more_tests[] = {
	{ "what is offered is what there is", offers_what_there_is, 0, 0, 0 },
	{ "a long line is refused, an endless one ends the session", long_line, 0, 0, 0 },
	{ "a hundred commands without mail are forgiven, not more", idle_commands, 0, 0,
	  0 },
	{ "much output is sent before more is read", much_output, 0, 0, 0 },
	{ "who is expelled is told so", expelled, 0, 0, 0 },
};

int main(void)
{
	SCRIPT_TESTS(scripts, more_tests);
	return cmocka_run_group_tests_name("smtp server: session", tests, NULL, NULL);
}
