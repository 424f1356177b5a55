#include "qmtp/server.h"

#include <stdio.h>
#include <stdlib.h>

#include "mail/wire.h"
#include "qmtp/server_state.h"

#define OUTPUT_MAX ((size_t)SMTP_SERVER_RECIPIENTS_MAX * (QMTP_TEXT_MAX + 32))

struct qmtp_server *qmtp_server_new(const struct qmtp_policy *policy)
{
	struct qmtp_server *server = must_alloc(sizeof(*server));

	*server = (struct qmtp_server){ .policy = *policy,
					.state = policy->is_qmqp ? OPENING : MESSAGE,
					.body = BUF_INIT(QMTP_PIECE_MAX + 2),
					.output = BUF_INIT(2 * OUTPUT_MAX),
					.none = BUF_INIT(1) };
	server->reader.text = BUF_INIT(ADDRESS_MAX - 1);
	return server;
}

void qmtp_server_free(struct qmtp_server *server)
{
	if (!server)
		return;
	buf_clear(&server->reader.text);
	buf_clear(&server->body);
	buf_clear(&server->output);
	free(server->replies);
	free(server);
}

struct buf *qmtp_server_output(struct qmtp_server *server)
{
	return &server->output;
}

static const struct qmtp_reply *first_refusal(const struct qmtp_server *server)
{
	for (size_t i = 0; i < server->count; i++)
		if (server->replies[i].kind != SMTP_YES)
			return &server->replies[i];
	return NULL;
}

static bool put_reply(struct buf *out, const struct qmtp_reply *reply)
{
	static const char letters[] = {
		[SMTP_YES] = 'K', [SMTP_LATER] = 'Z', [SMTP_NO] = 'D'
	};

	return buf_appendf(out, "%zu:%c%s,", strlen(reply->text) + 1,
			   letters[reply->kind], reply->text);
}

/* Says what became of it, and is ready for the next. */
static void finish(struct qmtp_server *server)
{
	bool said = true;

	if (server->policy.is_qmqp && server->count)
		said = put_reply(&server->output, &server->replies[0]);
	for (size_t i = 0; !server->policy.is_qmqp && said && i < server->count; i++)
		said = put_reply(&server->output, &server->replies[i]);
	free(server->replies);
	server->replies = NULL;
	server->count = server->accepted = 0;
	server->bytes = server->lines = 0;
	server->unended = server->begun = server->faulty = false;
	server->after_cr = false;
	server->trace = (struct smtp_trace){ 0 };
	server->state = said && !server->policy.is_qmqp ? MESSAGE : CLOSED;
}

/* Of those who were taken so far it is this now. */
static void settle(struct qmtp_server *server, const struct qmtp_reply *reply)
{
	for (size_t i = 0; i < server->count; i++)
		if (server->replies[i].kind == SMTP_YES)
			server->replies[i] = *reply;
}

static void give_up(struct qmtp_server *server)
{
	bool begun = server->begun;

	finish(server);
	if (begun)
		server->event = (struct smtp_event){ .kind = SMTP_RESET };
}

static void decide(struct qmtp_server *server)
{
	const struct qmtp_reply *refusal = first_refusal(server);

	/* One answer for all: then it is for all or for none. */
	if (server->policy.is_qmqp && server->accepted && refusal) {
		server->replies[0] = *refusal;
		server->accepted = 0;
	}
	if (!server->accepted) {
		give_up(server);
		return;
	}
	qmtp_ask(server, SMTP_ASK_DRAFT);
	server->event.size = wire_size(server->bytes, server->lines, server->unended);
}

static void step(struct qmtp_server *server, struct span *bytes)
{
	if (server->state == DECIDE)
		decide(server);
	else if (server->state == CLOSED)
		server->event = (struct smtp_event){ .kind = SMTP_CLOSE };
	else
		qmtp_read(server, bytes);
}

/* What belongs to the netstring around it, and no more. */
static struct span cut_to_outer(const struct qmtp_server *server, struct span bytes)
{
	if (server->enclosed && bytes.len > server->left)
		bytes.len = (size_t)server->left;
	return bytes;
}

const struct smtp_event *qmtp_server_next(struct qmtp_server *server, struct buf *input)
{
	static const struct smtp_event answer_first = { .kind = SMTP_NEEDS_ANSWER };

	if (server->asking && server->told)
		return &answer_first;
	server->told = true;
	if (server->asking)
		return &server->event;
	server->event = (struct smtp_event){ .kind = SMTP_NEEDS_INPUT };
	for (;;) {
		struct span bytes = cut_to_outer(server, buf_span(input));
		enum qmtp_state before = server->state;
		bool was_enclosed = server->enclosed;
		size_t offered = bytes.len;
		uint64_t left = server->left;

		step(server, &bytes);
		buf_consume(input, offered - bytes.len);
		if (was_enclosed)
			server->left = left - (offered - bytes.len);
		if (server->event.kind != SMTP_NEEDS_INPUT) {
			server->told = true;
			return &server->event;
		}
		if (server->state != before || bytes.len < offered)
			continue;
		/* The enclosing one ends within an inner one. */
		if (!was_enclosed || server->left)
			return &server->event;
		qmtp_close(server);
	}
}

void qmtp_server_answer(struct qmtp_server *server, const struct smtp_verdict *verdict)
{
	struct qmtp_reply reply;

	if (!server->asking)
		return;
	server->asking = false;
	qmtp_set_reply(&reply, verdict);
	switch (server->event.kind) {
	case SMTP_ASK_SCRATCH:
		if (verdict->kind != SMTP_YES)
			qmtp_fault(server, verdict->kind, verdict->status, verdict->text);
		break;
	case SMTP_ASK_RECIPIENT:
		qmtp_note_recipient(server, &reply);
		break;
	case SMTP_ASK_DRAFT:
		if (verdict->kind == SMTP_YES && !server->faulty) {
			qmtp_ask(server, SMTP_ASK_COMMIT);
			server->event.bytes = server->bytes;
			server->event.lines = server->lines;
			server->event.unended = server->unended;
			return;
		}
		settle(server, server->faulty ? &server->fault : &reply);
		server->accepted = 0;
		break;
	case SMTP_ASK_COMMIT:
		settle(server, &reply);
		server->begun = false;
		finish(server);
		break;
	default:
		break;
	}
}

void qmtp_server_spoil(struct qmtp_server *server, const struct smtp_verdict *verdict)
{
	qmtp_fault(server, verdict->kind, verdict->status, verdict->text);
}

void qmtp_server_expel(struct qmtp_server *server)
{
	qmtp_close(server);
}
