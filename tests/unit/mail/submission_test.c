#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/submission.h"

#define ADDED                                    \
	"Date: Sun, 9 Sep 2001 01:46:40 +0000\n" \
	"Message-ID: <1.M2P3Q4.gw@gw.office.example>\n"
#define AUTHOR "From: Ann Cook <ann@office.example>\n"
#define THERE  "Date: x\nMessage-ID: <y>\nFrom: z@w.example\n"

static const struct {
	const char *title;
	const char *message;
	const char *composed; /* NULL: refused */
	const char *recipients;
} rows[] = {
	{ "what is missing is added", "Subject: s\n\nbody\n",
	  ADDED AUTHOR "Subject: s\n\nbody\n", "" },
	{ "what is there stays", THERE "\nbody\n", THERE "\nbody\n", "" },
	{ "a message without a header gets one", "\nbody", ADDED AUTHOR "\nbody", "" },
	{ "a body without an empty line in front gets one", "no field\n",
	  ADDED AUTHOR "\nno field\n", "" },
	{ "an empty message has a header", "", ADDED AUTHOR "\n", "" },
	{ "a header that ends the message gets its empty line", THERE "Subject: s",
	  THERE "Subject: s\n\n", "" },
	{ "Bcc is told to nobody",
	  THERE "Bcc: x@y.example,\n bob\nTo: cid\n\nBcc: text\n",
	  THERE "To: cid@office.example\n\nBcc: text\n",
	  "x@y.example bob@office.example cid@office.example " },
	{ "each recipient is one once",
	  THERE "To: bob, BOB\nCc: Bob <bob@office.example>\n\n",
	  THERE "To: bob@office.example, BOB@office.example\n"
		"Cc: Bob <bob@office.example>\n\n",
	  "bob@office.example " },
	{ "addresses are made whole, names and comments stay",
	  THERE
	  "To: \"B, (x)\" <bob>, cid (Cid)\n\t, dan@cad (D), eve@lab+\nReply-To: ann\n\n",
	  THERE "To: \"B, (x)\" <bob@office.example>, cid@office.example (Cid)\n\t, "
		"dan@cad.office.example (D), eve@lab.example\n"
		"Reply-To: ann@office.example\n\n",
	  "bob@office.example cid@office.example dan@cad.office.example eve@lab.example " },
	{ "localhost is this gateway", THERE "To: root@localhost\n\n",
	  THERE "To: root@localhost\n\n", "root@office.example " },
	{ "a group's members are recipients", THERE "To: staff: bob, cid;\n\n",
	  THERE "To: staff: bob@office.example, cid@office.example;\n\n",
	  "bob@office.example cid@office.example " },
	{ "Return-Path and Content-Length go",
	  "Return-Path: <x@y>\nContent-Length: 5\n" THERE "\n", THERE "\n", "" },
	{ "a sender that cannot be read stays as it is",
	  "Date: x\nMessage-ID: <y>\nFrom: a b c\n\n",
	  "Date: x\nMessage-ID: <y>\nFrom: a b c\n\n", "" },
	{ "an mbox line goes", "From ann Sun Sep  9 2001\n" THERE "\n", THERE "\n", "" },
	{ "sent again, the Resent- recipients count",
	  THERE "To: bob\nBcc: cid\nResent-To: dan\nResent-Bcc: eve\n\n",
	  "Resent-Date: Sun, 9 Sep 2001 01:46:40 +0000\n"
	  "Resent-Message-ID: <1.M2P3Q4.gw@gw.office.example>\n"
	  "Resent-From: Ann Cook <ann@office.example>\n" THERE
	  "To: bob@office.example\nResent-To: dan@office.example\n\n",
	  "dan@office.example eve@office.example " },
	{ "a recipient that is none is refused", THERE "To: bob cid\n\n", NULL, NULL },
	{ "CR in the body stays", THERE "\na\rb\r\n", THERE "\na\rb\r\n", "" },
};

static struct submission ready(void)
{
	return (struct submission){
		.qualifier = { "office.example", "office.example", "example" },
		.me = "gw.office.example",
		.unique = "1.M2P3Q4.gw",
		.now = 1000000000,
		.author = "ann@office.example",
		.full_name = "Ann Cook",
		.header_recipients = true,
	};
}

static void compose(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct submission submission = ready();
	struct span message = span_of(rows[row].message);
	AUTO_BUF out = BUF_INIT(SUBMISSION_HEADER_MAX);
	AUTO_BUF recipients = BUF_INIT(1000);
	struct err err = { 0 };
	bool composed = submission_compose(&submission, &message, &out, &err);

	assert_int_equal(composed, rows[row].composed != NULL);
	for (size_t i = 0; i < submission.count; i++)
		assert_true(buf_appendf(&recipients, "%s ", submission.recipients[i]));
	if (composed) {
		assert_true(buf_append_span(&out, message));
		assert_string_equal(out.data, rows[row].composed);
		assert_string_equal(recipients.data, rows[row].recipients);
	} else {
		assert_int_equal(err.kind, ERR_PERMANENT);
	}
	submission_clear(&submission);
}

static void only_the_command_line_counts_without_t(void **state)
{
	struct submission submission = ready();
	struct span message = span_of("To: bob, a b\nBcc: cid\n\n");
	AUTO_BUF out = BUF_INIT(SUBMISSION_HEADER_MAX);
	struct err err = { 0 };

	(void)state;
	submission.header_recipients = false;
	assert_true(submission_recipients(&submission, span_of("dan, eve@far.example"),
					  &err));
	assert_true(submission_compose(&submission, &message, &out, &err));
	assert_int_equal(submission.count, 2);
	assert_string_equal(submission.recipients[0], "dan@office.example");
	assert_string_equal(submission.recipients[1], "eve@far.example");
	assert_non_null(strstr(out.data, "\nTo: bob, a b\n"));
	assert_null(strstr(out.data, "cid"));
	submission_clear(&submission);
}

#define MADE "Date: x\nMessage-ID: <y>\n"

static const struct {
	const char *title;
	struct submission how; /* beside what ready() says */
	const char *message;
	const char *composed;
	const char *return_path; /* NULL: none */
} injected[] = {
	{ "qmail-inject: without To and Cc a field says so",
	  { .says_hidden = true },
	  THERE "Bcc: bob\n\n",
	  "Cc: recipient list not shown: ;\n" THERE "\n",
	  NULL },
	{ "qmail-inject: with a Cc nothing is said",
	  { .says_hidden = true },
	  THERE "Cc: bob\n\n",
	  THERE "Cc: bob@office.example\n\n",
	  NULL },
	{ "qmail-inject: f makes From anew",
	  { .drop_author = true },
	  THERE "\n",
	  AUTHOR MADE "\n",
	  NULL },
	{ "qmail-inject: i makes Message-ID anew",
	  { .drop_id = true },
	  THERE "\n",
	  "Message-ID: <1.M2P3Q4.gw@gw.office.example>\nDate: x\nFrom: z@w.example\n\n",
	  NULL },
	{ "qmail-inject: c puts the name into a comment",
	  { .in_comment = true },
	  MADE "\n",
	  "From: ann@office.example (Ann Cook)\n" MADE "\n",
	  NULL },
	{ "qmail-inject: Return-Path names the sender",
	  { .count = 0 },
	  "Return-Path: <eve>\n" THERE "\n",
	  THERE "\n",
	  "eve@office.example" },
	{ "qmail-inject: an empty Return-Path is the null sender",
	  { .count = 0 },
	  "Return-Path: <>\n" THERE "\n",
	  THERE "\n",
	  "" },
	{ "qmail-inject: mail to a list says where answers go",
	  { .list_count = 1 },
	  THERE "To: Team@lists.example\nCc: bob\n\n",
	  "Mail-Followup-To: Team@lists.example,\n  bob@office.example\n" THERE
	  "To: Team@lists.example\nCc: bob@office.example\n\n",
	  NULL },
	{ "qmail-inject: unless it says so itself",
	  { .list_count = 1 },
	  THERE "Mail-Followup-To: ann\nTo: team@lists.example\n\n",
	  THERE "Mail-Followup-To: ann@office.example\nTo: team@lists.example\n\n",
	  NULL },
	{ "qmail-inject: other mail does not",
	  { .list_count = 1 },
	  THERE "To: bob\n\n",
	  THERE "To: bob@office.example\n\n",
	  NULL },
};

static void inject(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	static const struct span lists[] = { { "team@lists.example", 18 } };
	struct submission submission = ready();
	struct span message = span_of(injected[row].message);
	AUTO_BUF out = BUF_INIT(SUBMISSION_HEADER_MAX);
	struct err err = { 0 };

	submission.says_hidden = injected[row].how.says_hidden;
	submission.drop_author = injected[row].how.drop_author;
	submission.drop_id = injected[row].how.drop_id;
	submission.in_comment = injected[row].how.in_comment;
	submission.lists = lists;
	submission.list_count = injected[row].how.list_count;
	assert_true(submission_compose(&submission, &message, &out, &err));
	assert_string_equal(out.data, injected[row].composed);
	assert_int_equal(submission.has_return_path, injected[row].return_path != NULL);
	if (injected[row].return_path)
		assert_string_equal(submission.return_path, injected[row].return_path);
	submission_clear(&submission);
}

static void names(void **state)
{
	static const struct {
		const char *name;
		const char *from;
	} cases[] = {
		{ NULL, "From: <a\xC3\xA9@b.example>\n" },
		{ "", "From: <a\xC3\xA9@b.example>\n" },
		{ "Ann", "From: Ann <a\xC3\xA9@b.example>\n" },
		{ "A. \"Cook\"", "From: \"A. \\\"Cook\\\"\" <a\xC3\xA9@b.example>\n" },
		{ "Ren\xC3\xA9", "From: =?utf-8?q?Ren=C3=A9?= <a\xC3\xA9@b.example>\n" },
		{ "Ann\nBcc: x", "From: <a\xC3\xA9@b.example>\n" },
		{ "\xFF", "From: <a\xC3\xA9@b.example>\n" },
		{ "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
		  "\xC3\xA9\xC3\xA9",
		  "From: =?utf-8?q?=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9"
		  "=C3=A9?= =?utf-8?q?=C3=A9?= <a\xC3\xA9@b.example>\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct submission submission = ready();
		struct span message = span_of("Date: x\nMessage-ID: <y>\n\n");
		AUTO_BUF out = BUF_INIT(SUBMISSION_HEADER_MAX);
		struct err err = { 0 };

		submission.author = "a\xC3\xA9@b.example";
		submission.full_name = cases[i].name;
		assert_true(submission_compose(&submission, &message, &out, &err));
		assert_memory_equal(out.data, cases[i].from, strlen(cases[i].from));
	}
}

static void a_header_past_the_limit_is_refused(void **state)
{
	struct submission submission = ready();
	struct span message = span_of("Subject: something longer than the room\n\n");
	AUTO_BUF out = BUF_INIT(120);
	struct err err = { 0 };

	(void)state;
	assert_false(submission_compose(&submission, &message, &out, &err));
	assert_string_equal(err.status, "5.3.4");
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + LENGTH(injected) + 3] = {
		{ .name = "without -t only the command line names recipients",
		  .test_func = only_the_command_line_counts_without_t },
		{ .name = "a name stands as it can", .test_func = names },
		{ .name = "a header past the limit is refused",
		  .test_func = a_header_past_the_limit_is_refused },
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i + 3] =
			(struct CMUnitTest){ .name = rows[i].title,
					     .test_func = compose,
					     .initial_state = (void *)(uintptr_t)i };
	for (size_t i = 0; i < LENGTH(injected); i++)
		tests[LENGTH(rows) + i + 3] =
			(struct CMUnitTest){ .name = injected[i].title,
					     .test_func = inject,
					     .initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("mail submission", tests, NULL, NULL);
}
