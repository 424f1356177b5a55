/*
 * Conversations with the SMTP server engine, as tables: what the client says, what he
 * must hear, what the program must be told. Each is held in one piece, byte by byte, and
 * cut in two at every byte.
 */
#ifndef TESTS_SMTP_SERVER_SCRIPT_H
#define TESTS_SMTP_SERVER_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "smtp/server.h"

#define EHLO         "EHLO client.example\r\n"
#define MAIL         EHLO "MAIL FROM:<ann@a.example>\r\n"
#define RCPT         MAIL "RCPT TO:<bob@b.example>\r\n"
#define DATA         RCPT "DATA\r\n"
#define BYTES(text)  .client = (text), .client_len = sizeof(text) - 1
#define STORED(text) .stored = (text), .stored_len = sizeof(text) - 1
#define QUIT         "QUIT\r\n"

static const struct smtp_policy friendly = { .me = "mx.example",
					     .greeting = "mx.example",
					     .may_relay = true };

struct script {
	const char *title;
	const struct smtp_policy *policy; /* NULL: friendly */
	const char *client;
	size_t client_len;     /* where client holds NULs */
	const char *under_tls; /* said when STARTTLS has been granted */
	/* The last lines of all replies but the greeting, each from its beginning, "|"
	 * between them */
	const char *replies;
	const char *events; /* as told() writes them; NULL: any */
	const char *stored; /* all that was committed, a "|" behind each message */
	size_t stored_len;  /* see STORED; 0 where there is no NUL in it */
	/* What the program answers where it is not yes. A recipient says it himself, by
	 * the beginning of his name: later, no. */
	struct smtp_verdict draft, commit;
	bool spoil; /* the disk is full at the first piece of the body */
	bool whole_only;
};

struct told {
	const struct script *script;
	struct smtp_server *server;
	struct buf input, replies, events, draft, stored;
	bool closed;
};

static inline void append(struct buf *out, const char *fmt, ...) PRINTF(2, 3);
static inline void append(struct buf *out, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	assert_true(buf_appendv(out, fmt, args));
	va_end(args);
}

static inline void answer_recipient(struct told *told, const struct smtp_event *event)
{
	struct smtp_verdict verdict = { SMTP_YES, "", "" };

	append(&told->events, "rcpt <%s> <%s>%s; ", event->sender, event->recipient,
	       event->may_relay ? " relay" : "");
	if (strncmp(event->recipient, "later", 5) == 0)
		verdict = (struct smtp_verdict){ SMTP_LATER, "4.2.1", "not today" };
	if (strncmp(event->recipient, "no", 2) == 0)
		verdict = (struct smtp_verdict){ SMTP_NO, "5.1.1", "no such user" };
	smtp_server_answer(told->server, &verdict);
}

static inline void answer_login(struct told *told, const struct smtp_event *event)
{
	struct smtp_verdict verdict = { SMTP_NO, "", "" };

	append(&told->events, "login <%s> <%s>; ", event->user, event->password);
	if (strcmp(event->user, "busy") == 0)
		verdict.kind = SMTP_LATER;
	if (strcmp(event->password, "secret") == 0)
		verdict.kind = SMTP_YES;
	smtp_server_answer(told->server, &verdict);
}

static inline void on_body(struct told *told, const struct smtp_event *event)
{
	static const struct smtp_verdict full = { SMTP_LATER, "4.3.1", "disk full" };

	assert_true(buf_append_span(&told->draft, event->body));
	if (told->script->spoil)
		smtp_server_spoil(told->server, &full);
}

static inline void on_commit(struct told *told, const struct smtp_event *event)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < told->draft.len; i++)
		lines += told->draft.data[i] == '\n';
	assert_int_equal(event->bytes, told->draft.len);
	assert_int_equal(event->lines, lines);
	assert_int_equal(event->unended,
			 told->draft.len &&
				 told->draft.data[told->draft.len - 1] != '\n');
	append(&told->events, "commit; ");
	if (told->script->commit.kind == SMTP_YES) {
		assert_true(buf_append_span(&told->stored, buf_span(&told->draft)));
		append(&told->stored, "|");
	}
	buf_reset(&told->draft);
	smtp_server_answer(told->server, &told->script->commit);
}

/* What a program does, until the engine wants more. False: it wants to hang up. */
static inline void pump(struct told *told)
{
	while (!told->closed) {
		const struct smtp_event *event =
			smtp_server_next(told->server, &told->input);

		assert_true(buf_append_span(&told->replies,
					    buf_span(smtp_server_output(told->server))));
		buf_reset(smtp_server_output(told->server));
		switch (event->kind) {
		case SMTP_NEEDS_INPUT:
			return;
		case SMTP_NEEDS_ANSWER:
			fail_msg("every question was answered");
			break;
		case SMTP_OUTPUT:
			break;
		case SMTP_ASK_SCRATCH:
			fail_msg("a message comes after its recipients");
			break;
		case SMTP_ASK_RECIPIENT:
			answer_recipient(told, event);
			break;
		case SMTP_ASK_DRAFT:
			append(&told->events, "draft %d; ", (int)event->size);
			buf_reset(&told->draft);
			smtp_server_answer(told->server, &told->script->draft);
			break;
		case SMTP_BODY:
			on_body(told, event);
			break;
		case SMTP_ASK_COMMIT:
			on_commit(told, event);
			break;
		case SMTP_RESET:
			append(&told->events, "reset; ");
			break;
		case SMTP_ASK_LOGIN:
			answer_login(told, event);
			break;
		case SMTP_START_TLS:
			append(&told->events, "tls; ");
			assert_int_equal(told->input.len, 0);
			break;
		case SMTP_CLOSE:
			append(&told->events, "close; ");
			told->closed = true;
			break;
		}
	}
}

static inline void feed(struct told *told, struct span bytes)
{
	if (!bytes.len)
		return;
	assert_true(buf_append_span(&told->input, bytes));
	pump(told);
}

static inline void told_begin(struct told *told, const struct script *script)
{
	*told = (struct told){
		.script = script,
		.server = smtp_server_new(script->policy ? script->policy : &friendly),
		.input = BUF_INIT(1 << 24),
		.replies = BUF_INIT(1 << 24),
		.events = BUF_INIT(1 << 24),
		.draft = BUF_INIT(1 << 24),
		.stored = BUF_INIT(1 << 24),
	};
}

static inline void told_end(struct told *told)
{
	smtp_server_free(told->server);
	buf_clear(&told->input);
	buf_clear(&told->replies);
	buf_clear(&told->events);
	buf_clear(&told->draft);
	buf_clear(&told->stored);
}

/* The last line of the next reply; false when there is none. */
static inline bool next_reply(struct span *replies, struct span *line_out)
{
	while (span_cut(replies, '\n', line_out) && line_out->len) {
		assert_true(line_out->len >= 4 && line_out->len <= 511);
		assert_int_equal(line_out->at[--line_out->len], '\r');
		if (line_out->at[3] == ' ')
			return true;
		assert_int_equal(line_out->at[3], '-');
	}
	return false;
}

static inline void check_replies(struct told *told)
{
	struct span replies = buf_span(&told->replies), line = { "", 0 };
	struct span expected = span_of(told->script->replies), piece;

	assert_true(next_reply(&replies, &line));
	assert_memory_equal(line.at, "220 ", 4);
	while (span_cut(&expected, '|', &piece)) {
		if (!piece.len)
			break;
		if (!next_reply(&replies, &line))
			fail_msg("no reply %.*s in:\n%s", SPAN_ARG(piece),
				 told->replies.data);
		if (line.len < piece.len || memcmp(line.at, piece.at, piece.len) != 0)
			fail_msg("%.*s, not %.*s in:\n%s", SPAN_ARG(line),
				 SPAN_ARG(piece), told->replies.data);
	}
	if (next_reply(&replies, &line))
		fail_msg("one more: %.*s", SPAN_ARG(line));
}

static inline void hold(const struct script *script, size_t cut, bool by_byte)
{
	size_t len = script->client_len ? script->client_len : strlen(script->client);
	struct told told;

	told_begin(&told, script);
	if (by_byte) {
		for (size_t i = 0; i < len; i++)
			feed(&told, (struct span){ script->client + i, 1 });
	} else {
		feed(&told, (struct span){ script->client, cut });
		feed(&told, (struct span){ script->client + cut, len - cut });
	}
	if (script->under_tls)
		feed(&told, span_of(script->under_tls));
	pump(&told);
	check_replies(&told);
	if (script->events)
		assert_string_equal(told.events.data, script->events);
	if (script->stored_len) {
		assert_int_equal(told.stored.len, script->stored_len);
		assert_memory_equal(told.stored.data, script->stored, told.stored.len);
	} else {
		assert_string_equal(told.stored.data,
				    script->stored ? script->stored : "");
	}
	told_end(&told);
}

static inline void conversation(void **state)
{
	const struct script *script = *state;
	size_t len = script->client_len ? script->client_len : strlen(script->client);

	hold(script, len, false);
	if (script->whole_only)
		return;
	for (size_t cut = 0; cut < len; cut++)
		hold(script, cut, false);
	hold(script, 0, true);
}

#define SCRIPT_TESTS(scripts, more_tests)                                    \
	struct CMUnitTest tests[LENGTH(scripts) + LENGTH(more_tests)];       \
	for (size_t i = 0; i < LENGTH(scripts); i++)                         \
		tests[i] = (struct CMUnitTest){                              \
			.name = (scripts)[i].title,                          \
			.test_func = conversation,                           \
			.initial_state = (void *)(uintptr_t) & (scripts)[i], \
		};                                                           \
	memcpy(tests + LENGTH(scripts), more_tests, sizeof(more_tests))

#endif
