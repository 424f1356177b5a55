#include "qmtp/server_state.h"

#include <stdio.h>
#include <string.h>

void qmtp_set_reply(struct qmtp_reply *reply, const struct smtp_verdict *verdict)
{
	static const char *const usual[] = { [SMTP_YES] = "ok",
					     [SMTP_LATER] = "not now, try again later",
					     [SMTP_NO] = "refused" };
	const char *text =
		verdict->text && verdict->text[0] ? verdict->text : usual[verdict->kind];

	reply->kind = verdict->kind;
	if (verdict->kind != SMTP_YES && verdict->status && verdict->status[0])
		snprintf(reply->text, QMTP_TEXT_MAX, "%.*s (#%.12s)", QMTP_TEXT_MAX - 20,
			 text, verdict->status);
	else
		snprintf(reply->text, QMTP_TEXT_MAX, "%s", text);
	for (char *c = reply->text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

/* The first one counts. */
void qmtp_fault(struct qmtp_server *server, enum smtp_verdict_kind kind,
		const char *status, const char *text)
{
	if (server->faulty)
		return;
	server->faulty = true;
	qmtp_set_reply(&server->fault, &(struct smtp_verdict){ kind, status, text });
}

void qmtp_close(struct qmtp_server *server)
{
	server->state = CLOSED;
	server->asking = false;
}

void qmtp_ask(struct qmtp_server *server, enum smtp_event_kind kind)
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
			      enum qmtp_state next)
{
	switch (netstring_head_read(&server->head, bytes, &server->left)) {
	case NETSTRING_MORE:
		return;
	case NETSTRING_WHOLE:
		server->enclosed = true;
		server->state = next;
		return;
	case NETSTRING_BROKEN:
		qmtp_close(server);
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
		qmtp_close(server);
		return;
	}
	/* CR LF may make it twice as large as it will be. */
	if (databytes && (server->body_left - (server->body_left > 0)) / 2 > databytes)
		qmtp_fault(server, SMTP_NO, "5.3.4",
			   "the message is larger than is taken here");
	if (!server->body_left && !server->policy.is_qmqp)
		qmtp_fault(server, SMTP_NO, "5.6.0",
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
			qmtp_fault(server, SMTP_NO, "5.6.0",
				   "the message does not say how its lines end");
		*bytes = span_after(*bytes, 1);
		server->body_left--;
	}
	if (server->faulty)
		return;
	qmtp_ask(server, SMTP_ASK_SCRATCH);
	server->event.size = server->body_left;
	server->begun = true;
}

static void check_body(struct qmtp_server *server, struct span piece)
{
	uint64_t databytes = server->policy.databytes;

	if (databytes && server->bytes > databytes)
		qmtp_fault(server, SMTP_NO, "5.3.4",
			   "the message is larger than is taken here");
	if (smtp_trace_feed(&server->trace, piece, &server->none) != SMTP_TRACE_FINE)
		qmtp_fault(server, SMTP_NO, "5.4.6",
			   "too many hops: this message is looping");
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

	if (piece.len > QMTP_PIECE_MAX)
		piece.len = QMTP_PIECE_MAX;
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

static void take_comma(struct qmtp_server *server, struct span *bytes,
		       enum qmtp_state next)
{
	if (!bytes->len)
		return;
	if (bytes->at[0] != ',') {
		qmtp_close(server);
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
			qmtp_fault(server, SMTP_NO, "5.1.7",
				   "the sender is no mail address");
		server->state = server->policy.is_qmqp ? RECIPIENT : LIST;
		return;
	case NETSTRING_BROKEN:
		qmtp_close(server);
	}
}

void qmtp_note_recipient(struct qmtp_server *server, const struct qmtp_reply *reply)
{
	server->replies =
		must_resize(server->replies, server->count + 1, sizeof(*server->replies));
	server->replies[server->count++] = *reply;
	server->accepted += reply->kind == SMTP_YES;
}

static void on_recipient(struct qmtp_server *server)
{
	struct qmtp_reply reply;
	bool fits = copy_text(&server->reader, server->recipient);

	/* A client that sends more is not answered for each: there is no end to it. */
	if (server->count == SMTP_SERVER_RECIPIENTS_MAX) {
		qmtp_close(server);
	} else if (server->faulty) {
		qmtp_note_recipient(server, &server->fault);
	} else if (!fits) {
		qmtp_set_reply(&reply, &(struct smtp_verdict){
					       SMTP_NO, "5.1.3",
					       "the recipient is no mail address" });
		qmtp_note_recipient(server, &reply);
	} else {
		qmtp_ask(server, SMTP_ASK_RECIPIENT);
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
		qmtp_close(server);
	}
}

void qmtp_read(struct qmtp_server *server, struct span *bytes)
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
	case CLOSED:
		break;
	}
}
