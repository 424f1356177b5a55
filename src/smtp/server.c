#include "smtp/server.h"

#include <stdlib.h>
#include <string.h>

#include "smtp/server_verbs.h"

#define BODY_ROOM  ((size_t)1024 * 1024)
#define LOGIN_ROOM SERVER_LOGIN_LINE_MAX

/* One step on with what there is of input; false: more must come. */
static bool step(struct smtp_server *server, const struct buf *input)
{
	struct span rest = span_after(buf_span(input), server->taken);
	size_t taken;

	if (server->ended) {
		smtp_body_ended(server);
		return true;
	}
	if (!rest.len)
		return false;
	if (server->state != SERVER_BODY && server->state != SERVER_CHUNK)
		return smtp_take_line(server, rest);
	buf_reset(&server->body);
	taken = server->state == SERVER_BODY ? smtp_take_data(server, rest)
					     : smtp_take_chunk(server, rest);
	server->taken += taken;
	return taken > 0;
}

static const struct smtp_event *hand_out(struct smtp_server *server,
					 struct smtp_event event)
{
	server->handed = event;
	return &server->handed;
}

static const struct smtp_event *hand_out_kind(struct smtp_server *server,
					      enum smtp_event_kind kind)
{
	return hand_out(server, (struct smtp_event){ .kind = kind });
}

static void consume(struct smtp_server *server, struct buf *input)
{
	buf_consume(input, server->taken);
	server->taken = 0;
}

const struct smtp_event *smtp_server_next(struct smtp_server *server, struct buf *input)
{
	for (;;) {
		struct smtp_event event = server->event;

		if (event.kind != SMTP_NEEDS_INPUT) {
			server->event = (struct smtp_event){ .kind = SMTP_NEEDS_INPUT };
			/* What came before TLS was not said under it (CVE-2011-0411). */
			if (event.kind == SMTP_START_TLS) {
				server->taken = 0;
				buf_reset(input);
			}
			return hand_out(server, event);
		}
		if (server->question != SMTP_NEEDS_INPUT)
			return hand_out_kind(server, SMTP_NEEDS_ANSWER);
		if (server->state == SERVER_CLOSED) {
			server->taken = 0;
			buf_reset(input);
			return hand_out_kind(server, SMTP_CLOSE);
		}
		if (server->output.len > SERVER_OUTPUT_TURN)
			return hand_out_kind(server, SMTP_OUTPUT);
		if (!step(server, input)) {
			consume(server, input);
			return hand_out_kind(server, SMTP_NEEDS_INPUT);
		}
	}
}

void smtp_ask(struct smtp_server *server, enum smtp_event_kind question)
{
	server->question = question;
	server->event.kind = question;
}

void smtp_forget(struct smtp_server *server)
{
	server->state = server->helo[0] ? SERVER_NAMED : SERVER_GREETED;
	if (server->told)
		server->event = (struct smtp_event){ .kind = SMTP_RESET };
	server->told = false;
	buf_reset(&server->recipients);
	server->recipient_count = 0;
	server->announced = 0;
	server->utf8 = false;
	server->decoder = (struct wire_decoder){ 0 };
	server->trace = (struct smtp_trace){ 0 };
	buf_clear(&server->body);
	server->bytes = server->lines = 0;
	server->unended = false;
	server->ended = false;
	server->chunk = server->chunk_left = server->octets = 0;
	server->chunk_last = false;
	server->fault = (struct smtp_reply){ 0 };
}

void smtp_server_answer(struct smtp_server *server, const struct smtp_verdict *verdict)
{
	enum smtp_event_kind question = server->question;

	server->question = SMTP_NEEDS_INPUT;
	switch ((int)question) {
	case SMTP_ASK_RECIPIENT:
		smtp_recipient_answered(server, verdict);
		break;
	case SMTP_ASK_DRAFT:
		smtp_draft_answered(server, verdict);
		break;
	case SMTP_ASK_COMMIT:
		smtp_commit_answered(server, verdict);
		break;
	case SMTP_ASK_LOGIN:
		smtp_login_answered(server, verdict);
		break;
	}
}

void smtp_server_spoil(struct smtp_server *server, const struct smtp_verdict *verdict)
{
	struct smtp_reply reply = smtp_reply_of(verdict);

	smtp_fault(server, &reply);
}

void smtp_server_expel(struct smtp_server *server, const char *status, const char *text)
{
	server->question = SMTP_NEEDS_INPUT;
	server->event = (struct smtp_event){ .kind = SMTP_NEEDS_INPUT };
	if (server->state != SERVER_CLOSED)
		smtp_hang_up(server, status, text);
}

struct buf *smtp_server_output(struct smtp_server *server)
{
	return &server->output;
}

const char *smtp_server_helo(const struct smtp_server *server)
{
	return server->helo;
}

const char *smtp_server_protocol(const struct smtp_server *server)
{
	static const char *const names[2][2][2] = {
		{ { "ESMTP", "ESMTPA" }, { "ESMTPS", "ESMTPSA" } },
		{ { "UTF8SMTP", "UTF8SMTPA" }, { "UTF8SMTPS", "UTF8SMTPSA" } },
	};

	if (!server->extended)
		return "SMTP";
	return names[server->utf8][server->policy.tls_active][server->logged_in];
}

struct smtp_server *smtp_server_new(const struct smtp_policy *policy)
{
	struct smtp_server *server = must_alloc(sizeof(*server));

	*server = (struct smtp_server){
		.state = SERVER_GREETED,
		.question = SMTP_NEEDS_INPUT,
		.policy = *policy,
		.output = BUF_INIT(SERVER_LINE_DROP),
		.user = BUF_INIT(LOGIN_ROOM),
		.password = BUF_INIT(LOGIN_ROOM),
		.recipients = BUF_INIT(SERVER_ADDRESSES_MAX),
		.body = BUF_INIT(BODY_ROOM),
	};
	server->policy.me = must_copy(policy->me);
	server->policy.greeting = must_copy(policy->greeting);
	smtp_reply(server, 220, "", "%s ESMTP", policy->greeting);
	return server;
}

void smtp_server_free(struct smtp_server *server)
{
	if (!server)
		return;
	explicit_bzero(server->password.data, server->password.len);
	buf_clear(&server->output);
	buf_clear(&server->user);
	buf_clear(&server->password);
	buf_clear(&server->recipients);
	buf_clear(&server->body);
	free((void *)(uintptr_t)server->policy.me);
	free((void *)(uintptr_t)server->policy.greeting);
	free(server);
}
