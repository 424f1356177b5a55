#include "qmtp/server.h"

#include <stdio.h>
#include <stdlib.h>

#include "mail/address.h"
#include "mail/wire.h"
#include "qmtp/netstring.h"
#include "smtp/trace.h"

#define TEXT_MAX   400
#define PIECE_MAX  ((size_t)65536)
#define OUTPUT_MAX ((size_t)SMTP_SERVER_RECIPIENTS_MAX * (TEXT_MAX + 32))

struct reply {
	enum smtp_verdict_kind kind;
	char text[TEXT_MAX]; /* with its status */
};

/* A package, byte by byte. Of QMQP it stands in one netstring, of QMTP the recipients do:
 * `left` bytes of that are to come, while `enclosed`. */
enum state {
	OPENING, /* QMQP: the length of all */
	MESSAGE, /* the message's length */
	ENCODING,
	BODY,
	BODY_END,
	SENDER,
	LIST, /* QMTP: the length of all recipients */
	RECIPIENT,
	LIST_END,
	DECIDE, /* all of it is there */
	CLOSED,
};

struct qmtp_server {
	struct qmtp_policy policy;
	enum state state;
	bool enclosed;
	uint64_t left;
	uint64_t body_left;
	struct netstring_head head;
	struct netstring_reader reader;
	bool after_cr;
	struct smtp_trace trace;
	struct buf body;
	struct buf output;
	struct buf none; /* recipients come later: loops by Delivered-To are not seen */
	char sender[ADDRESS_MAX];
	char recipient[ADDRESS_MAX];
	uint64_t bytes, lines;
	bool unended;
	bool begun;  /* the program has something to forget */
	bool asking; /* event is a question ... */
	bool told;   /* ... and the program has it */
	bool faulty; /* the message is for nobody, for this reason: */
	struct reply fault;
	struct reply *replies;
	size_t count;
	size_t accepted;
	struct smtp_event event;
};

struct qmtp_server *qmtp_server_new(const struct qmtp_policy *policy)
{
	struct qmtp_server *server = must_alloc(sizeof(*server));

	*server = (struct qmtp_server){ .policy = *policy,
					.state = policy->is_qmqp ? OPENING : MESSAGE,
					.body = BUF_INIT(PIECE_MAX + 2),
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

static void set_reply(struct reply *reply, const struct smtp_verdict *verdict)
{
	static const char *const usual[] = { [SMTP_YES] = "ok",
					     [SMTP_LATER] = "not now, try again later",
					     [SMTP_NO] = "refused" };
	const char *text =
		verdict->text && verdict->text[0] ? verdict->text : usual[verdict->kind];

	reply->kind = verdict->kind;
	if (verdict->kind != SMTP_YES && verdict->status && verdict->status[0])
		snprintf(reply->text, TEXT_MAX, "%.*s (#%.12s)", TEXT_MAX - 20, text,
			 verdict->status);
	else
		snprintf(reply->text, TEXT_MAX, "%s", text);
	for (char *c = reply->text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

/* The first one counts. */
static void fault(struct qmtp_server *server, enum smtp_verdict_kind kind,
		  const char *status, const char *text)
{
	if (server->faulty)
		return;
	server->faulty = true;
	set_reply(&server->fault, &(struct smtp_verdict){ kind, status, text });
}

static void close_session(struct qmtp_server *server)
{
	server->state = CLOSED;
	server->asking = false;
}

static void ask(struct qmtp_server *server, enum smtp_event_kind kind)
{
	server->event = (struct smtp_event){ .kind = kind,
					     .sender = server->sender,
					     .recipient = server->recipient,
					     .may_relay = server->policy.may_relay };
	server->asking = true;
	server->told = false;
}

/* The netstring that encloses the others. */
static void take_outer_length(struct qmtp_server *server, struct span *bytes,
			      enum state next)
{
	switch (netstring_head_read(&server->head, bytes, &server->left)) {
	case NETSTRING_MORE:
		return;
	case NETSTRING_WHOLE:
		server->enclosed = true;
		server->state = next;
		return;
	case NETSTRING_BROKEN:
		close_session(server);
	}
}

static void take_message_length(struct qmtp_server *server, struct span *bytes)
{
	uint64_t databytes = server->policy.databytes;

	switch (netstring_head_read(&server->head, bytes, &server->body_left)) {
	case NETSTRING_MORE:
		return;
	case NETSTRING_WHOLE:
		break;
	case NETSTRING_BROKEN:
		close_session(server);
		return;
	}
	/* CR LF may make it twice as large as it will be. */
	if (databytes && (server->body_left - (server->body_left > 0)) / 2 > databytes)
		fault(server, SMTP_NO, "5.3.4",
		      "the message is larger than is taken here");
	if (!server->body_left && !server->policy.is_qmqp)
		fault(server, SMTP_NO, "5.6.0",
		      "the message does not say how its lines end");
	server->state = server->body_left ? ENCODING : BODY_END;
}

static void take_encoding(struct qmtp_server *server, struct span *bytes)
{
	if (!bytes->len)
		return;
	/* A QMQP message is as it is. */
	server->state = BODY;
	if (!server->policy.is_qmqp) {
		if (bytes->at[0] != '\n' && bytes->at[0] != '\r')
			fault(server, SMTP_NO, "5.6.0",
			      "the message does not say how its lines end");
		*bytes = span_after(*bytes, 1);
		server->body_left--;
	}
	if (server->faulty)
		return;
	ask(server, SMTP_ASK_SCRATCH);
	server->event.size = server->body_left;
	server->begun = true;
}

static void check_body(struct qmtp_server *server, struct span piece)
{
	uint64_t databytes = server->policy.databytes;

	if (databytes && server->bytes > databytes)
		fault(server, SMTP_NO, "5.3.4",
		      "the message is larger than is taken here");
	if (smtp_trace_feed(&server->trace, piece, &server->none) != SMTP_TRACE_FINE)
		fault(server, SMTP_NO, "5.4.6", "too many hops: this message is looping");
}

/* CR LF becomes LF in either encoding, and what stands alone stays: the ceiling has room
 * for all of it. */
static void decode(struct qmtp_server *server, struct span wire)
{
	for (size_t i = 0; i < wire.len; i++) {
		char c = wire.at[i];

		if (server->after_cr && c != '\n' &&
		    !buf_append_byte(&server->body, '\r'))
			return;
		server->after_cr = c == '\r';
		if (!server->after_cr && !buf_append_byte(&server->body, c))
			return;
	}
	if (!server->body_left && server->after_cr &&
	    !buf_append_byte(&server->body, '\r'))
		return;
}

static void take_body(struct qmtp_server *server, struct span *bytes)
{
	struct span piece = *bytes;

	if (piece.len > PIECE_MAX)
		piece.len = PIECE_MAX;
	if (piece.len > server->body_left)
		piece.len = (size_t)server->body_left;
	*bytes = span_after(*bytes, piece.len);
	server->body_left -= piece.len;
	buf_reset(&server->body);
	if (!server->faulty)
		decode(server, piece);
	if (!server->body_left)
		server->state = BODY_END;
	if (server->faulty || !server->body.len)
		return;
	server->bytes += server->body.len;
	for (size_t i = 0; i < server->body.len; i++)
		server->lines += server->body.data[i] == '\n';
	server->unended = server->body.data[server->body.len - 1] != '\n';
	check_body(server, buf_span(&server->body));
	if (!server->faulty)
		server->event = (struct smtp_event){ .kind = SMTP_BODY,
						     .body = buf_span(&server->body) };
}

static void take_comma(struct qmtp_server *server, struct span *bytes, enum state next)
{
	if (!bytes->len)
		return;
	if (bytes->at[0] != ',') {
		close_session(server);
		return;
	}
	*bytes = span_after(*bytes, 1);
	server->state = next;
}

/* What no address can be is marked so, and is no reason to lose step. */
static bool copy_text(const struct netstring_reader *reader, char out[ADDRESS_MAX])
{
	out[0] = '\0';
	if (reader->is_cut || memchr(reader->text.data, 0, reader->text.len) ||
	    strpbrk(reader->text.data, "\r\n"))
		return false;
	memcpy(out, reader->text.data, reader->text.len + 1);
	return true;
}

static void take_sender(struct qmtp_server *server, struct span *bytes)
{
	switch (netstring_read(&server->reader, bytes)) {
	case NETSTRING_MORE:
		return;
	case NETSTRING_WHOLE:
		if (!copy_text(&server->reader, server->sender))
			fault(server, SMTP_NO, "5.1.7", "the sender is no mail address");
		server->state = server->policy.is_qmqp ? RECIPIENT : LIST;
		return;
	case NETSTRING_BROKEN:
		close_session(server);
	}
}

static void note_recipient(struct qmtp_server *server, const struct reply *reply)
{
	server->replies =
		must_resize(server->replies, server->count + 1, sizeof(*server->replies));
	server->replies[server->count++] = *reply;
	server->accepted += reply->kind == SMTP_YES;
}

static void on_recipient(struct qmtp_server *server)
{
	struct reply reply;
	bool fits = copy_text(&server->reader, server->recipient);

	/* A client that sends more is not answered for each: there is no end to it. */
	if (server->count == SMTP_SERVER_RECIPIENTS_MAX) {
		close_session(server);
	} else if (server->faulty) {
		note_recipient(server, &server->fault);
	} else if (!fits) {
		set_reply(&reply,
			  &(struct smtp_verdict){ SMTP_NO, "5.1.3",
						  "the recipient is no mail address" });
		note_recipient(server, &reply);
	} else {
		ask(server, SMTP_ASK_RECIPIENT);
	}
}

static void take_recipient(struct qmtp_server *server, struct span *bytes)
{
	if (!server->left && !server->reader.in_text && !server->reader.head.digits) {
		server->enclosed = false;
		server->state = LIST_END;
		return;
	}
	switch (netstring_read(&server->reader, bytes)) {
	case NETSTRING_MORE:
		return;
	case NETSTRING_WHOLE:
		on_recipient(server);
		return;
	case NETSTRING_BROKEN:
		close_session(server);
	}
}

static const struct reply *first_refusal(const struct qmtp_server *server)
{
	for (size_t i = 0; i < server->count; i++)
		if (server->replies[i].kind != SMTP_YES)
			return &server->replies[i];
	return NULL;
}

static bool put_reply(struct buf *out, const struct reply *reply)
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
static void settle(struct qmtp_server *server, const struct reply *reply)
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
	const struct reply *refusal = first_refusal(server);

	/* One answer for all: then it is for all or for none. */
	if (server->policy.is_qmqp && server->accepted && refusal) {
		server->replies[0] = *refusal;
		server->accepted = 0;
	}
	if (!server->accepted) {
		give_up(server);
		return;
	}
	ask(server, SMTP_ASK_DRAFT);
	server->event.size = wire_size(server->bytes, server->lines, server->unended);
}

static void step(struct qmtp_server *server, struct span *bytes)
{
	switch (server->state) {
	case OPENING:
		take_outer_length(server, bytes, MESSAGE);
		break;
	case MESSAGE:
		take_message_length(server, bytes);
		break;
	case ENCODING:
		take_encoding(server, bytes);
		break;
	case BODY:
		take_body(server, bytes);
		break;
	case BODY_END:
		take_comma(server, bytes, SENDER);
		break;
	case SENDER:
		take_sender(server, bytes);
		break;
	case LIST:
		take_outer_length(server, bytes, RECIPIENT);
		break;
	case RECIPIENT:
		take_recipient(server, bytes);
		break;
	case LIST_END:
		take_comma(server, bytes, DECIDE);
		break;
	case DECIDE:
		decide(server);
		break;
	case CLOSED:
		server->event = (struct smtp_event){ .kind = SMTP_CLOSE };
		break;
	}
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
		enum state before = server->state;
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
		close_session(server);
	}
}

void qmtp_server_answer(struct qmtp_server *server, const struct smtp_verdict *verdict)
{
	struct reply reply;

	if (!server->asking)
		return;
	server->asking = false;
	set_reply(&reply, verdict);
	switch (server->event.kind) {
	case SMTP_ASK_SCRATCH:
		if (verdict->kind != SMTP_YES)
			fault(server, verdict->kind, verdict->status, verdict->text);
		break;
	case SMTP_ASK_RECIPIENT:
		note_recipient(server, &reply);
		break;
	case SMTP_ASK_DRAFT:
		if (verdict->kind == SMTP_YES && !server->faulty) {
			ask(server, SMTP_ASK_COMMIT);
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
	fault(server, verdict->kind, verdict->status, verdict->text);
}

void qmtp_server_expel(struct qmtp_server *server)
{
	close_session(server);
}
