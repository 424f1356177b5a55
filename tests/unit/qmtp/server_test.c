#include "qmtp/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define STORY_MAX 4000

/* What the engine asks and says, as one text: "S5 <lf body> R<you> D9 C ..."; recipients
 * that begin with "no" are refused, with "later" are put off; a message with "bad" in it
 * cannot be committed. */
static const struct {
	const char *title;
	bool is_qmqp;
	const char *bytes;
	const char *story;
	const char *said;
} rows[] = {
	{ "a package is placed, routed, drafted, committed", false,
	  "4:\nhi\n,4:me@x,7:4:you@,,",
	  "scratch=3 body=hi| rcpt=me@x>you@ draft=4 "
	  "commit=3/1/0 ",
	  "3:Kok," },
	{ "each recipient has his answer, in order", false,
	  "4:\nhi\n,0:,16:3:no@,3:you,1:a,,",
	  "scratch=3 body=hi| rcpt=>no@ rcpt=>you "
	  "rcpt=>a draft=4 commit=3/1/0 ",
	  "12:Dno (#5.1.1),3:Kok,3:Kok," },
	{ "where nobody is taken it is forgotten", false, "4:\nhi\n,0:,6:3:no@,,",
	  "scratch=3 body=hi| rcpt=>no@ reset ", "12:Dno (#5.1.1)," },
	{ "CR LF in the other encoding becomes LF", false, "6:\rhi\r\n\r,0:,4:1:a,,",
	  "scratch=5 body=hi|\r rcpt=>a draft=7 commit=4/1/1 ", "3:Kok," },
	{ "CR LF in the LF encoding does, too", false, "5:\nhi\r\n,0:,4:1:a,,",
	  "scratch=4 body=hi| rcpt=>a draft=4 commit=3/1/0 ", "3:Kok," },
	{ "what cannot be committed is told to those who were taken", false,
	  "5:\nbad\n,0:,10:3:no@,1:a,,",
	  "scratch=4 body=bad| rcpt=>no@ rcpt=>a draft=5 "
	  "commit=4/1/0 ",
	  "12:Dno (#5.1.1),18:Zthe disk (#4.3.1)," },
	{ "another encoding is refused, and the next package taken", false,
	  "2:xy,0:,4:1:a,,2:\na,0:,4:1:b,,",
	  "scratch=1 body=a rcpt=>b draft=3 commit=1/0/1 ",
	  "52:Dthe message does not say how its lines end (#5.6.0),3:Kok," },
	{ "a message without even that is, too", false, "0:,0:,4:1:a,,", "",
	  "52:Dthe message does not say how its lines end (#5.6.0)," },
	{ "one that is too large is not asked about", false,
	  "60:\n12345678901234567890123456789012345678901234567890123456789,0:,4:1:a,,",
	  "scratch=59 reset ", "50:Dthe message is larger than is taken here (#5.3.4)," },
	{ "a list that ends within a recipient ends the session", false,
	  "2:\na,0:,5:3:you,,", "scratch=1 body=a close ", "" },
	{ "no comma behind the list does, too", false, "2:\na,0:,4:1:a,.",
	  "scratch=1 body=a rcpt=>a close ", "" },
	{ "a line end in an address is no address", false, "2:\na,0:,6:3:a\nb,,",
	  "scratch=1 body=a reset ", "42:Dthe recipient is no mail address (#5.1.3)," },
	{ "QMQP: all in one netstring, one answer, the end", true,
	  "21:3:hi\n,2:me,3:you,1:a,,",
	  "scratch=3 body=hi| rcpt=me>you rcpt=me>a draft=4 commit=3/1/0 close ",
	  "3:Kok," },
	{ "QMQP: one refusal is for all", true, "22:3:hi\n,2:me,3:you,2:no,,",
	  "scratch=3 body=hi| rcpt=me>you rcpt=me>no reset close ", "12:Dno (#5.1.1)," },
	{ "QMQP: what goes beyond the netstring ends the session", true,
	  "10:3:hi\n,20:me,,", "scratch=3 body=hi| close ", "" },
};

static const struct smtp_verdict *verdict_on(const struct smtp_event *event, bool bad)
{
	static const struct smtp_verdict yes = { SMTP_YES, NULL, "ok" },
					 no = { SMTP_NO, "5.1.1", "no" },
					 later = { SMTP_LATER, "4.3.1", "the disk" };

	if (event->kind == SMTP_ASK_COMMIT && bad)
		return &later;
	return event->kind == SMTP_ASK_RECIPIENT &&
			       strncmp(event->recipient, "no", 2) == 0
		       ? &no
		       : &yes;
}

static void tell(char *story, const struct smtp_event *event)
{
	size_t used = strlen(story);
	char *at = story + used;
	size_t room = STORY_MAX - used;

	switch ((int)event->kind) {
	case SMTP_ASK_SCRATCH:
		snprintf(at, room, "scratch=%d ", (int)event->size);
		break;
	case SMTP_BODY:
		snprintf(at, room, "body=%.*s ", SPAN_ARG(event->body));
		for (; *at; at++)
			if (*at == '\n')
				*at = '|';
		break;
	case SMTP_ASK_RECIPIENT:
		snprintf(at, room, "rcpt=%s>%s ", event->sender, event->recipient);
		break;
	case SMTP_ASK_DRAFT:
		snprintf(at, room, "draft=%d ", (int)event->size);
		break;
	case SMTP_ASK_COMMIT:
		snprintf(at, room, "commit=%d/%d/%d ", (int)event->bytes,
			 (int)event->lines, event->unended);
		break;
	case SMTP_RESET:
		snprintf(at, room, "reset ");
		break;
	case SMTP_CLOSE:
		snprintf(at, room, "close ");
		break;
	}
}

static void serve(size_t i, size_t piece, char *story, struct buf *said)
{
	AUTO_BUF input = BUF_INIT(1000);
	struct qmtp_server *server = qmtp_server_new(
		&(struct qmtp_policy){ .is_qmqp = rows[i].is_qmqp, .databytes = 50 });
	struct span bytes = span_of(rows[i].bytes);
	const struct smtp_event *event;
	bool closed = false;

	while (bytes.len && !closed) {
		struct span some = { bytes.at, bytes.len < piece ? bytes.len : piece };

		assert_true(buf_append_span(&input, some));
		bytes = span_after(bytes, some.len);
		while ((event = qmtp_server_next(server, &input))->kind !=
			       SMTP_NEEDS_INPUT &&
		       !closed) {
			bool bad = strstr(rows[i].bytes, "bad") != NULL;

			tell(story, event);
			closed = event->kind == SMTP_CLOSE;
			qmtp_server_answer(server, verdict_on(event, bad));
		}
	}
	assert_true(buf_append_span(said, buf_span(qmtp_server_output(server))));
	qmtp_server_free(server);
}

static void package(void **state)
{
	size_t i = (uintptr_t)*state;
	char story[STORY_MAX] = "", bytewise[STORY_MAX] = "";
	AUTO_BUF said = BUF_INIT(1000);
	AUTO_BUF said_bytewise = BUF_INIT(1000);

	serve(i, 1000, story, &said);
	assert_string_equal(story, rows[i].story);
	assert_string_equal(said.data, rows[i].said);
	/* In single bytes a body comes in more events; nothing else differs. */
	serve(i, 1, bytewise, &said_bytewise);
	assert_string_equal(said_bytewise.data, rows[i].said);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows)];

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = package,
						.initial_state = (void *)i };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
