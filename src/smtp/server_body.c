#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "smtp/server_verbs.h"

/* Beyond this a BDAT's size is no size. */
#define CHUNK_MOST (UINT64_MAX / 4)
/* Wire octets decoded for one event. */
#define PIECE_MAX 65536

void smtp_fault(struct smtp_server *server, const struct smtp_reply *fault)
{
	if (!server->fault.code) /* the first one counts */
		server->fault = *fault;
}

static void fault(struct smtp_server *server, unsigned code, const char *status,
		  const char *text)
{
	struct smtp_reply reply = { .code = code };

	snprintf(reply.status, sizeof(reply.status), "%s", status);
	snprintf(reply.text, sizeof(reply.text), "%s", text);
	smtp_fault(server, &reply);
}

static uint64_t count_lines(struct span piece)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < piece.len; i++)
		lines += piece.at[i] == '\n';
	return lines;
}

static void check_piece(struct smtp_server *server, struct span piece)
{
	uint64_t databytes = server->policy.databytes;

	if (databytes && wire_size(server->bytes, server->lines, false) > databytes)
		fault(server, 552, "5.3.4", "the message is larger than is taken here");
	switch (smtp_trace_feed(&server->trace, piece, &server->recipients)) {
	case SMTP_TRACE_FINE:
		break;
	case SMTP_TRACE_HOPS:
		fault(server, 554, "5.4.6", "too many hops: this message is looping");
		break;
	case SMTP_TRACE_LOOP:
		fault(server, 554, "5.4.6",
		      "this message is looping: a recipient has had it before");
		break;
	}
}

static void bare_line_end(struct smtp_server *server)
{
	fault(server, 550, "5.6.0",
	      "the message has a CR or LF alone: lines end with CR LF");
}

/* What the decoder has put into body: counted, looked at, handed out. */
static void on_piece(struct smtp_server *server)
{
	struct span piece = buf_span(&server->body);

	if (!piece.len || server->fault.code)
		return;
	server->bytes += piece.len;
	server->lines += count_lines(piece);
	server->unended = piece.at[piece.len - 1] != '\n';
	check_piece(server, piece);
	if (server->fault.code)
		return;
	server->event = (struct smtp_event){ .kind = SMTP_BODY, .body = piece };
}

static void refuse_message(struct smtp_server *server)
{
	struct smtp_reply reply = server->fault;

	smtp_forget(server);
	smtp_reply_made(server, &reply);
}

void smtp_body_ended(struct smtp_server *server)
{
	server->ended = false;
	if (server->state == SERVER_CHUNK && server->chunk_last &&
	    wire_decode_end(&server->decoder) != WIRE_END)
		bare_line_end(server);
	if (server->fault.code) {
		refuse_message(server);
		return;
	}
	if (server->state == SERVER_CHUNK && !server->chunk_last) {
		server->state = SERVER_CHUNKS;
		smtp_reply(server, 250, "2.0.0", "%llu octets taken",
			   (unsigned long long)server->chunk);
		return;
	}
	smtp_ask(server, SMTP_ASK_COMMIT);
	server->event.bytes = server->bytes;
	server->event.lines = server->lines;
	server->event.unended = server->unended;
}

size_t smtp_take_data(struct smtp_server *server, struct span wire)
{
	enum wire_state state;
	size_t taken;

	if (wire.len > PIECE_MAX)
		wire.len = PIECE_MAX;
	taken = wire_decode_data(&server->decoder, wire, &server->body, &state);
	if (server->decoder.fault != WIRE_MORE)
		bare_line_end(server);
	on_piece(server);
	server->ended = state != WIRE_MORE;
	return taken;
}

size_t smtp_take_chunk(struct smtp_server *server, struct span wire)
{
	if (wire.len > PIECE_MAX)
		wire.len = PIECE_MAX;
	if (wire.len > server->chunk_left)
		wire.len = (size_t)server->chunk_left;
	if (!server->fault.code) {
		if (wire_decode_chunk(&server->decoder, wire, &server->body) != WIRE_MORE)
			bare_line_end(server);
		on_piece(server);
	}
	server->chunk_left -= wire.len;
	server->ended = server->chunk_left == 0;
	return wire.len;
}

static void ask_draft(struct smtp_server *server, uint64_t size)
{
	smtp_ask(server, SMTP_ASK_DRAFT);
	server->event.size = size;
}

/* data = "DATA" */
void smtp_cmd_data(struct smtp_server *server, struct span args)
{
	if (args.len) {
		smtp_offence(server, 501, "5.5.4", "DATA stands alone");
		return;
	}
	if (server->state == SERVER_SENDER) {
		smtp_reply(server, 554, "5.5.1", "no valid recipients");
		return;
	}
	server->state = SERVER_BODY;
	ask_draft(server, server->announced);
}

/* Whatever becomes of a BDAT, its octets must be taken before the next command. */
static void begin_chunk(struct smtp_server *server, uint64_t octets, bool last)
{
	server->state = SERVER_CHUNK;
	server->chunk = server->chunk_left = octets;
	server->chunk_last = last;
	server->ended = octets == 0;
}

/* A message that is too large is known to be before it comes. */
static void check_chunk(struct smtp_server *server)
{
	uint64_t databytes = server->policy.databytes;

	server->octets += server->chunk;
	if (databytes && server->octets > databytes)
		fault(server, 552, "5.3.4", "the message is larger than is taken here");
}

/* bdat = "BDAT" SP chunk-size [SP "LAST"] (RFC 3030 2) */
void smtp_cmd_bdat(struct smtp_server *server, struct span args)
{
	enum smtp_server_state state = server->state;
	struct span size;
	uint64_t octets;
	bool last;

	if (!span_cut(&args, ' ', &size) || !number_parse(size, CHUNK_MOST, &octets) ||
	    (args.at && !span_is_word(span_trim(args), "LAST"))) {
		smtp_reply(server, 501, "5.5.4",
			   "BDAT size [LAST]: where the next command begins is lost");
		server->state = SERVER_CLOSED;
		return;
	}
	last = args.at != NULL;
	begin_chunk(server, octets, last);
	if (state == SERVER_SENDER)
		fault(server, 554, "5.5.1", "no valid recipients");
	else if (state != SERVER_RECIPIENT && state != SERVER_CHUNKS)
		fault(server, 503, "5.5.1", "BDAT comes out of order: MAIL is next");
	else
		check_chunk(server);
	/* Empty chunks must not be a way to keep us busy for ever. */
	if (!octets && ++server->idle > SERVER_IDLE_MAX)
		smtp_hang_up(server, "4.7.0", "too many commands without any mail");
	else if (state == SERVER_RECIPIENT && !server->fault.code)
		ask_draft(server, server->announced ? server->announced
				  : last            ? octets
						    : 0);
}

void smtp_draft_answered(struct smtp_server *server, const struct smtp_verdict *verdict)
{
	struct smtp_reply reply = smtp_reply_of(verdict);

	if (verdict->kind == SMTP_YES) {
		if (server->state == SERVER_BODY)
			smtp_reply(server, 354, "", "go ahead, end with a lone dot");
	} else if (server->state == SERVER_BODY) {
		smtp_forget(server);
		smtp_reply_made(server, &reply);
	} else {
		smtp_fault(server, &reply); /* told when its octets are taken */
	}
}

void smtp_commit_answered(struct smtp_server *server, const struct smtp_verdict *verdict)
{
	struct smtp_reply reply = smtp_reply_of(verdict);
	bool words = verdict->text && verdict->text[0];

	server->told = false; /* who committed knows how it ended */
	smtp_forget(server);
	if (verdict->kind == SMTP_YES) {
		server->offences = server->idle = 0;
		smtp_reply(server, 250, "2.0.0", "%s", words ? verdict->text : "ok");
	} else {
		smtp_reply_made(server, &reply);
	}
}
