#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/dsn.h"
#include "mail/header.h"

static const struct dsn_recipient bob = {
	.address = "bob@far.example",
	.status = "5.1.1",
	.remote_host = "mx.far.example",
	.reply = "550 5.1.1 no such user",
};

static struct dsn plain(void)
{
	return (struct dsn){
		.action = DSN_FAILED,
		.me = "office.example",
		.from = "MAILER-DAEMON@office.example",
		.to = "ann@office.example",
		.original_id = "1.M2P3Q4.office.example",
		.arrived = 1000000000,
		.now = 1000000100,
		.recipients = &bob,
		.count = 1,
		.original_header = span_of("From: ann@office.example\n"
					   "Subject: Lunch\n"
					   "Message-ID: <1@office.example>\n"),
	};
}

/* What every report keeps to, whatever it quotes: its lines, its three parts. */
static void check_structure(const struct buf *out)
{
	struct span rest = buf_span(out), line;
	struct header_field field;
	AUTO_BUF boundary = BUF_INIT(100);
	const char *at;
	size_t parts = 0;

	assert_true(header_find(rest, "Content-Type", &field));
	at = memmem(field.value.at, field.value.len, "boundary=\"", 10);
	assert_non_null(at);
	assert_true(buf_append_text(&boundary, "--"));
	for (at += 10; *at != '"'; at++)
		assert_true(buf_append_byte(&boundary, *at));
	assert_in_range(boundary.len, 10, 72);
	while (span_cut(&rest, '\n', &line)) {
		assert_in_range(line.len, 0, 998);
		for (size_t i = 0; i < line.len; i++)
			assert_true((unsigned char)line.at[i] >= 32 ||
				    line.at[i] == '\t');
		if (line.len >= boundary.len &&
		    memcmp(line.at, boundary.data, boundary.len) == 0)
			parts++;
	}
	assert_int_equal(parts, 4);
	assert_int_equal(out->data[out->len - 1], '\n');
}

static void make(struct buf *out, const struct dsn *dsn)
{
	assert_true(dsn_append(out, dsn));
	check_structure(out);
}

static void assert_says(const struct buf *out, const char *words)
{
	if (!strstr(out->data, words))
		fail_msg("\"%s\" is not in:\n%s", words, out->data);
}

static void assert_says_not(const struct buf *out, const char *words)
{
	if (strstr(out->data, words))
		fail_msg("\"%s\" is in:\n%s", words, out->data);
}

static void a_refusal_is_told(void **state)
{
	AUTO_BUF out = BUF_INIT(1000000);
	struct dsn dsn = plain();

	(void)state;
	make(&out, &dsn);
	assert_says(&out, "From: Mail gateway <MAILER-DAEMON@office.example>\n"
			  "To: <ann@office.example>\nSubject: Not delivered: Lunch\n"
			  "References: <1@office.example>\n");
	assert_says(&out, "report-type=delivery-status;");
	assert_says(&out, "Auto-Submitted: auto-replied\n");
	assert_says(&out, "Hi. This is the mail gateway at office.example.\n");
	assert_says(&out, "<bob@far.example>:\nThere is no mailbox of that name.");
	assert_says(&out,
		    "The mail server mx.far.example said: 550 5.1.1 no such user\n");
	assert_says(&out,
		    "\nReporting-MTA: dns; office.example\n"
		    "Arrival-Date: Sun, 9 Sep 2001 01:46:40 +0000\n\n"
		    "Final-Recipient: rfc822; bob@far.example\n"
		    "Action: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.far.example\n"
		    "Diagnostic-Code: smtp; 550 5.1.1 no such user\n"
		    "Last-Attempt-Date: Sun, 9 Sep 2001 01:48:20 +0000\n");
	assert_says(&out,
		    "Content-Type: text/rfc822-headers\n\nFrom: ann@office.example\n");
}

static void a_cause_that_is_known_is_told(void **state)
{
	AUTO_BUF out = BUF_INIT(1000000);
	struct dsn_recipient refused = bob;
	struct dsn dsn = plain();

	(void)state;
	refused.status = "5.6.0";
	refused.cause = "It is signed.";
	dsn.recipients = &refused;
	make(&out, &dsn);
	assert_says(&out, "The other side cannot handle a message of this kind.\n"
			  "It is signed.\nThe mail server mx.far.example said: ");
}

static void a_delay_is_told(void **state)
{
	AUTO_BUF out = BUF_INIT(1000000);
	struct dsn_recipient waiting = { .address = "bob@far.example",
					 .status = "4.4.1" };
	struct dsn dsn = plain();

	(void)state;
	dsn.action = DSN_DELAYED;
	dsn.recipients = &waiting;
	make(&out, &dsn);
	assert_says(&out, "Subject: Not delivered yet: Lunch\n");
	assert_says(&out, "you need not send it again");
	assert_says(&out, "Action: delayed\nStatus: 4.4.1\nLast-Attempt-Date:");
}

static void who_waits_is_told_why(void **state)
{
	AUTO_BUF out = BUF_INIT(1000000);
	struct dsn_recipient waiting = {
		.address = "bob@far.example",
		.why = "the window of link sat opens at 02:00",
	};
	struct dsn dsn = plain();

	(void)state;
	dsn.action = DSN_DELAYED;
	dsn.recipients = &waiting;
	make(&out, &dsn);
	assert_says(&out, "<bob@far.example>:\n"
			  "Why it waits: the window of link sat opens at 02:00\n\n");
	assert_says(&out, "Action: delayed\nStatus: 4.0.0\n");
	waiting.why =
		"the server said: 5.7.1 gr\xc3\xbc\xc3\x9f dich\r\n--x\nAction: failed";
	buf_reset(&out);
	make(&out, &dsn);
	assert_says(&out, "Content-Transfer-Encoding: 8bit\n");
	assert_says_not(&out, "\nAction: failed");
}

static void a_hostile_reply_breaks_nothing(void **state)
{
	AUTO_BUF out = BUF_INIT(1000000);
	AUTO_BUF again = BUF_INIT(1000000);
	AUTO_BUF reply = BUF_INIT(100000);
	struct dsn_recipient hostile = { .address = "a\x01@b",
					 .status = "5.1.1\nAction: x" };
	struct dsn dsn = plain();
	const char *boundary;

	(void)state;
	make(&out, &dsn);
	boundary = strstr(out.data, "=_report-");
	assert_non_null(boundary);
	assert_true(buf_appendf(
		&reply, "550 no\n--%.25s--\n\nAction: delivered\xFF\x1B[2J ", boundary));
	for (int i = 0; i < 5000; i++)
		assert_true(buf_append_byte(&reply, 'x'));
	hostile.reply = reply.data;
	hostile.remote_host = "mx\nAction: delivered";
	dsn.recipients = &hostile;
	make(&again, &dsn);
	assert_says_not(&again, "\nAction: delivered");
	assert_says_not(&again, "\x1B");
	assert_says_not(&again, "\xFF");
	assert_says(&again, "Status: 5.0.0\n");
	assert_says(&again, "xxx...\n");
}

static void a_boundary_is_nowhere_in_what_is_quoted(void **state)
{
	AUTO_BUF out = BUF_INIT(1000000);
	AUTO_BUF again = BUF_INIT(1000000);
	AUTO_BUF header = BUF_INIT(1000);
	struct dsn dsn = plain();

	(void)state;
	make(&out, &dsn);
	assert_true(buf_appendf(&header, "X: y\n--%.25s\nZ: --%.25s\n",
				strstr(out.data, "=_report-"),
				strstr(out.data, "=_report-")));
	dsn.original_header = buf_span(&header);
	make(&again, &dsn);
}

static void a_large_header_is_cut(void **state)
{
	AUTO_BUF out = BUF_INIT(1000000);
	AUTO_BUF header = BUF_INIT(1000000);
	struct dsn dsn = plain();

	(void)state;
	assert_true(buf_append_text(&header, "X: "));
	for (int i = 0; i < 200000; i++)
		assert_true(buf_append_text(&header, i % 3 ? "\xC3\xBC" : "y"));
	dsn.original_header = buf_span(&header);
	make(&out, &dsn);
	assert_in_range(out.len, 64 * 1024, 68 * 1024);
	assert_says(&out, "cut short because of its size");
}

static void the_body_never_goes_back(void **state)
{
	AUTO_BUF out = BUF_INIT(1000000);
	struct dsn dsn = plain();

	(void)state;
	dsn.original_header = span_of("A: b\r\nNULs: \x01\r\n\r\nsecret\r\n");
	make(&out, &dsn);
	assert_says(&out, "\nA: b\nNULs:  \n");
	assert_says_not(&out, "secret");
}

static void addresses_in_other_letters(void **state)
{
	AUTO_BUF out = BUF_INIT(1000000);
	AUTO_BUF ascii = BUF_INIT(1000000);
	struct dsn_recipient recipient = { .address = "j\xC3\xBC@far.example",
					   .status = "5.6.7",
					   .remote_host = "mx.far.example",
					   .reply = "553 5.6.7 \xC3\xBC" };
	struct dsn dsn = plain();

	(void)state;
	dsn.recipients = &recipient;
	dsn.to = "\xC3\xA5sa@office.example";
	make(&out, &dsn);
	assert_says(&out, "report-type=global-delivery-status;");
	assert_says(&out, "Content-Type: message/global-delivery-status\n");
	assert_says(&out, "Content-Type: message/global-headers\n");
	assert_says(&out, "Final-Recipient: utf-8; j\xC3\xBC@far.example\n");
	assert_says(&out, "Diagnostic-Code: smtp; 553 5.6.7 \xC3\xBC\n");

	dsn.to = "ann@office.example";
	make(&ascii, &dsn);
	assert_says(&ascii, "Content-Type: message/delivery-status\n");
	assert_says(&ascii, "Final-Recipient: utf-8; j\\x{00FC}@far.example\n");
	assert_says(&ascii, "Diagnostic-Code: smtp; 553 5.6.7 ?");
	assert_says(&ascii, "<j\xC3\xBC@far.example>:\n"); /* for people, in UTF-8 */
}

static void two_reports_have_two_names(void **state)
{
	AUTO_BUF one = BUF_INIT(1000000);
	AUTO_BUF other = BUF_INIT(1000000);
	struct dsn_recipient carl = { .address = "carl@far.example", .status = "5.1.1" };
	struct header_field of_one, of_other;
	struct dsn dsn = plain();

	(void)state;
	make(&one, &dsn);
	dsn.recipients = &carl;
	make(&other, &dsn);
	assert_true(header_find(buf_span(&one), "Message-ID", &of_one));
	assert_true(header_find(buf_span(&other), "Message-ID", &of_other));
	assert_int_equal(of_one.whole.len, of_other.whole.len);
	assert_memory_not_equal(of_one.whole.at, of_other.whole.at, of_one.whole.len);
}

static void a_report_without_room_leaves_nothing(void **state)
{
	AUTO_BUF out = BUF_INIT(1000);
	struct dsn dsn = plain();

	(void)state;
	assert_true(buf_append_text(&out, "before"));
	assert_false(dsn_append(&out, &dsn));
	assert_string_equal(out.data, "before");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "a refusal is told in words, then in fields", a_refusal_is_told, NULL,
		  NULL, NULL },
		{ "a cause that is known is told", a_cause_that_is_known_is_told, NULL,
		  NULL, NULL },
		{ "a delay is told as a delay", a_delay_is_told, NULL, NULL, NULL },
		{ "who waits is told why", who_waits_is_told_why, NULL, NULL, NULL },
		{ "a hostile reply breaks nothing", a_hostile_reply_breaks_nothing, NULL,
		  NULL, NULL },
		{ "the boundary is nowhere in what is quoted",
		  a_boundary_is_nowhere_in_what_is_quoted, NULL, NULL, NULL },
		{ "a large header is cut, its lines are folded", a_large_header_is_cut,
		  NULL, NULL, NULL },
		{ "the body never goes back", the_body_never_goes_back, NULL, NULL,
		  NULL },
		{ "addresses in other letters are told in their letters",
		  addresses_in_other_letters, NULL, NULL, NULL },
		{ "two reports about one message have two Message-IDs",
		  two_reports_have_two_names, NULL, NULL, NULL },
		{ "a report that has no room leaves nothing",
		  a_report_without_room_leaves_nothing, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("mail dsn", tests, NULL, NULL);
}
