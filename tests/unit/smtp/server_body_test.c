#include "server_script.h"

static const struct smtp_policy tight = { .me = "mx.example",
					  .greeting = "mx.example",
					  .databytes = 20 };

/* A second message hidden behind what some servers take for the end of the first. */
#define SMUGGLED \
	"MAIL FROM:<eve@e.example>\r\nRCPT TO:<bob@b.example>\r\nDATA\r\nevil\r\n.\r\n"
#define SMUGGLING(name, ending)                                                          \
	{                                                                                \
		.title = name " does not end a message",                                 \
		BYTES(DATA "hello" ending SMUGGLED QUIT),                                \
		.replies = "250 |250 |250 |354|550 5.6.0|221",                           \
		.events = "rcpt <ann@a.example> <bob@b.example> relay; draft 0; reset; " \
			  "close; "                                                      \
	}
#define HEAD "250 |250 |250 |"

static const struct script scripts[] = {
	{ .title = "a message arrives as it was sent, with LF line ends",
	  .client = DATA "Subject: a\r\n\r\nhello\r\n.\r\n" QUIT,
	  .replies = HEAD "354|250 2.0.0|221",
	  .events = "rcpt <ann@a.example> <bob@b.example> relay; draft 0; commit; "
		    "close; ",
	  .stored = "Subject: a\n\nhello\n|" },
	{ .title = "two messages, one session, nothing left over from the first",
	  .client = DATA "one\r\n.\r\nDATA\r\nMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
			 "two\r\n.\r\n",
	  .replies = HEAD "354|250|503|250|250|354|250",
	  .events = "rcpt <ann@a.example> <bob@b.example> relay; draft 0; commit; "
		    "rcpt <> <c@d> relay; draft 0; commit; ",
	  .stored = "one\n|two\n|" },
	{ .title = "an empty message is one",
	  .client = DATA ".\r\n",
	  .replies = HEAD "354|250",
	  .stored = "|" },
	{ .title = "stuffed dots are taken out, others stay",
	  .client = DATA "..\r\n...\r\n..a\r\nb.\r\n.c\r\n.\r\n",
	  .replies = HEAD "354|250",
	  .stored = ".\n..\n.a\nb.\nc\n|" },
	{ .title = "a body may look like commands",
	  .client = DATA "QUIT\r\nRSET\r\n.\r\n" QUIT,
	  .replies = HEAD "354|250|221",
	  .stored = "QUIT\nRSET\n|" },
	SMUGGLING("LF . LF", "\n.\n"),
	SMUGGLING("LF . CR LF", "\n.\r\n"),
	SMUGGLING("CR LF . LF", "\r\n.\n"),
	SMUGGLING("CR . CR", "\r.\r"),
	SMUGGLING("CR LF . CR", "\r\n.\r"),
	SMUGGLING("LF . CR", "\n.\r"),
	SMUGGLING("CR . CR LF", "\r.\r\n"),
	SMUGGLING("CR LF . CR CR LF", "\r\n.\r\r\n"),
	{ .title = "CR LF NUL . CR LF does not end a message",
	  BYTES(DATA "hello\r\n\0.\r\nMAIL FROM:<eve@e.example>\r\n.\r\n" QUIT),
	  .replies = HEAD "354|250|221",
	  STORED("hello\n\0.\nMAIL FROM:<eve@e.example>\n|") },
	{ .title = "DATA needs a recipient that was taken",
	  .client = EHLO "DATA\r\nMAIL FROM:<a@b>\r\nDATA\r\nRCPT TO:<no@b>\r\nDATA\r\n",
	  .replies = "250 |503 5.5.1|250|554 5.5.1|550|554 5.5.1" },
	{ .title = "DATA stands alone",
	  .client = RCPT "DATA now\r\nDATA\r\nx\r\n.\r\n",
	  .replies = HEAD "501|354|250",
	  .stored = "x\n|" },
	{ .title = "no room is told before the message comes",
	  .client = DATA "MAIL FROM:<a@b>\r\n",
	  .draft = { SMTP_LATER, "4.3.1", "no room" },
	  .replies = HEAD "452 4.3.1 no room|250",
	  .events = "rcpt <ann@a.example> <bob@b.example> relay; draft 0; reset; " },
	{ .title = "a disk that fills up is told at the end",
	  .client = DATA "x\r\n.\r\n" QUIT,
	  .spoil = true,
	  .replies = HEAD "354|452 4.3.1 disk full|221",
	  .events = "rcpt <ann@a.example> <bob@b.example> relay; draft 0; reset; "
		    "close; " },
	{ .title = "the commit's own words are the reply",
	  .client = DATA "x\r\n.\r\n",
	  .commit = { SMTP_YES, "2.0.0", "taken as 12\n34" },
	  .replies = HEAD "354|250 2.0.0 taken as 12?34",
	  .stored = "x\n|" },
	{ .title = "a commit that fails for now is temporary",
	  .client = DATA "x\r\n.\r\n" EHLO,
	  .commit = { SMTP_LATER, "", "" },
	  .replies = HEAD "354|451 4.3.0|250",
	  .events = "rcpt <ann@a.example> <bob@b.example> relay; draft 0; commit; " },
	{ .title = "a status that contradicts the verdict is not repeated",
	  .client = DATA "x\r\n.\r\n",
	  .commit = { SMTP_NO, "2.0.0", "fine" },
	  .replies = HEAD "354|550 5.0.0 fine" },
	{ .title = "a message of just the largest size is taken",
	  .policy = &tight,
	  .client = DATA "123456789012345678\r\n.\r\n",
	  .replies = HEAD "354|250",
	  .stored = "123456789012345678\n|" },
	{ .title = "one octet more is refused at the end, and the session goes on",
	  .policy = &tight,
	  .client = DATA "1234567890123\r\n1234\r\n.\r\nMAIL FROM:<a@b>\r\n",
	  .replies = HEAD "354|552 5.3.4|250",
	  .events = "rcpt <ann@a.example> <bob@b.example>; draft 0; reset; " },
	{ .title = "a recipient who has had the message ends the loop",
	  .client = DATA "Subject: a\r\nDELIVERED-TO: Bob@B.example\r\n\r\nx\r\n.\r\n",
	  .replies = HEAD "354|554 5.4.6",
	  .events = "rcpt <ann@a.example> <bob@b.example> relay; draft 0; reset; " },
	{ .title = "another's Delivered-To, or one in the body, is no loop",
	  .client = DATA "Delivered-To: carl@b.example\r\nDelivered-To:\r\n\r\n"
			 "Delivered-To: bob@b.example\r\n.\r\n",
	  .replies = HEAD "354|250",
	  .stored = "Delivered-To: carl@b.example\nDelivered-To:\n\n"
		    "Delivered-To: bob@b.example\n|" },
	{ .title = "chunks make one message",
	  .client =
		  RCPT "BDAT 8\r\nSubject:BDAT 6 \r\n a\r\n\r\nBDAT 3 last\r\n.\r\n" QUIT,
	  .replies = HEAD "250 2.0.0|250 2.0.0|250 2.0.0|221",
	  .events = "rcpt <ann@a.example> <bob@b.example> relay; draft 0; commit; "
		    "close; ",
	  .stored = "Subject: a\n\n.\n|" },
	{ .title = "one chunk says the message's size",
	  .client = RCPT "BDAT 4 LAST\r\n..\r\nMAIL FROM:<>\r\n",
	  .replies = HEAD "250|250",
	  .events = "rcpt <ann@a.example> <bob@b.example> relay; draft 4; commit; ",
	  .stored = "..\n|" },
	{ .title = "a chunk need not end in a line end, a message neither",
	  .client = RCPT "BDAT 2\r\na\rBDAT 2\r\n\nbBDAT 0 LAST\r\n" QUIT,
	  .replies = HEAD "250|250|250|221",
	  .stored = "a\nb|" },
	{ .title = "an empty chunk may be the only one",
	  .client = RCPT "BDAT 0 LAST\r\n",
	  .replies = HEAD "250",
	  .stored = "|" },
	{ .title = "a CR or LF alone is refused in chunks too",
	  .client = RCPT "BDAT 5\r\na\nb\r\nBDAT 1 LAST\r\nxMAIL FROM:<>\r\n"
			 "RCPT TO:<c@d>\r\nBDAT 2 LAST\r\na\rMAIL FROM:<>\r\n",
	  .replies = HEAD "550 5.6.0|503 5.5.1|250|250|550 5.6.0|250",
	  .events = "rcpt <ann@a.example> <bob@b.example> relay; draft 0; reset; "
		    "rcpt <> <c@d> relay; draft 2; reset; " },
	{ .title = "a chunk out of order is taken and refused",
	  .client = "BDAT 6 LAST\r\nQUIT\r\n" EHLO "BDAT 6\r\nQUIT\r\n"
		    "MAIL FROM:<a@b>\r\nBDAT 6\r\nQUIT\r\n" EHLO,
	  .replies = "503 5.5.1|250 |503 5.5.1|250|554 5.5.1|250 ",
	  .events = "" },
	{ .title = "chunks and DATA do not mix",
	  .client = RCPT "BDAT 3\r\na\r\nDATA\r\nRCPT TO:<c@d>\r\nNOOP\r\n"
			 "BDAT 0 LAST\r\n",
	  .replies = HEAD "250|503|503|250|250",
	  .stored = "a\n|" },
	{ .title = "RSET between chunks forgets them",
	  .client = RCPT "BDAT 3\r\na\r\nRSET\r\nBDAT 0 LAST\r\n",
	  .replies = HEAD "250|250|503",
	  .events = "rcpt <ann@a.example> <bob@b.example> relay; draft 0; reset; " },
	{ .title = "a chunk whose size cannot be read ends the session",
	  .client = RCPT "BDAT x LAST\r\nMAIL FROM:<>\r\n",
	  .replies = HEAD "501 5.5.4",
	  .events = "rcpt <ann@a.example> <bob@b.example> relay; close; " },
	{ .title = "a chunk size beyond all bounds ends the session",
	  .client = RCPT "BDAT 18446744073709551615\r\n",
	  .replies = HEAD "501 5.5.4" },
	{ .title = "a chunk is last or it is not",
	  .client = RCPT "BDAT 1 FIRST\r\n",
	  .replies = HEAD "501 5.5.4" },
	{ .title = "chunks beyond the largest size are taken and refused",
	  .policy = &tight,
	  .client = RCPT "BDAT 15\r\n1234567890123\r\nBDAT 6 LAST\r\n1234\r\n" MAIL,
	  .replies = HEAD "250|552 5.3.4|250|250",
	  .events = "rcpt <ann@a.example> <bob@b.example>; draft 0; reset; " },
	{ .title = "a chunk that is too large is refused without asking for room",
	  .policy = &tight,
	  .client = RCPT "BDAT 21 LAST\r\n1234567890123456789\r\n" MAIL,
	  .replies = HEAD "552 5.3.4|250|250",
	  .events = "rcpt <ann@a.example> <bob@b.example>; reset; " },
	{ .title = "no room is told behind the chunk",
	  .client = RCPT "BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\n" EHLO,
	  .draft = { SMTP_LATER, "4.3.1", "no room" },
	  .replies = HEAD "452 4.3.1 no room|503|250",
	  .events = "rcpt <ann@a.example> <bob@b.example> relay; draft 0; reset; " },
};

static void body_of(struct told *told, const char *line, int times)
{
	for (int i = 0; i < times; i++)
		feed(told, span_of(line));
	feed(told, span_of("\r\n.\r\n"));
}

static void hops(void **state)
{
	struct script script = { 0 };
	struct told told;

	(void)state;
	told_begin(&told, &script);
	feed(&told, span_of(DATA));
	body_of(&told, "Received: from a\r\n\tby b\r\n", 99);
	feed(&told, span_of("MAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\n"));
	buf_reset(&told.replies);
	body_of(&told, "received: from a\r\n\tby b\r\n", 100);
	assert_string_equal(told.replies.data,
			    "554 5.4.6 too many hops: this message is looping\r\n");
	assert_non_null(strstr(told.events.data, "commit; rcpt"));
	told_end(&told);
}

static void large(void **state)
{
	struct script script = { .policy = &tight };
	AUTO_BUF piece = BUF_INIT(1 << 17);
	struct told told;

	(void)state;
	told_begin(&told, &script);
	feed(&told, span_of(DATA));
	append(&piece, "%*s", 100000, "x");
	for (int i = 0; i < 1000; i++) {
		feed(&told, buf_span(&piece));
		assert_int_equal(told.input.len, 0);
		assert_int_equal(told.draft.len, 0);
	}
	buf_reset(&told.replies);
	feed(&told, span_of("\r\n.\r\n"));
	assert_memory_equal(told.replies.data, "552 5.3.4 ", 10);
	told_end(&told);
}

static void protocols(void **state)
{
	static const struct {
		const char *client, *protocol;
		bool tls;
	} rows[] = {
		{ "HELO a\r\n", "SMTP", false },
		{ "EHLO a\r\n", "ESMTP", false },
		{ "EHLO a\r\n", "ESMTPS", true },
		{ "EHLO a\r\nAUTH PLAIN AGFubgBzZWNyZXQ=\r\n", "ESMTPSA", true },
		{ "EHLO a\r\nMAIL FROM:<b> SMTPUTF8\r\n", "UTF8SMTP", false },
	};
	struct script script = { 0 };

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct smtp_policy policy = { .me = "a",
					      .greeting = "a",
					      .login_offered = true,
					      .tls_active = rows[i].tls };
		struct told told;

		script.policy = &policy;
		told_begin(&told, &script);
		feed(&told, span_of(rows[i].client));
		assert_string_equal(smtp_server_helo(told.server), "a");
		assert_string_equal(smtp_server_protocol(told.server), rows[i].protocol);
		told_end(&told);
	}
}

static const struct CMUnitTest more_tests[] = {
	{ "a hundred hops are a loop, ninety-nine are not", hops, 0, 0, 0 },
	{ "a stream beyond the limit is refused in constant memory", large, 0, 0, 0 },
	{ "the Received line's protocol says what happened", protocols, 0, 0, 0 },
};

int main(void)
{
	SCRIPT_TESTS(scripts, more_tests);
	return cmocka_run_group_tests_name("smtp server: messages", tests, NULL, NULL);
}
