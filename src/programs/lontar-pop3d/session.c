#include "programs/lontar-pop3d/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

#define BACKLOG_HIGH ((size_t)64 * 1024) /* unsent; then the client's turn to read */

/* Whom lontar-auth turned away is in its log; there may be very many. */
static void log_end(const struct session *session)
{
	struct span tls = client_tls(&session->client);
	const struct pop3_tally *tally;

	if (!session->is_permitted)
		return;
	tally = pop3_server_tally(session->server);
	log_info("pop3 end session=%s ip=%s retrieved=%" PRIu64 " bytes=%" PRIu64
		 " deleted=%" PRIu64 " tls=%.*s why=%s",
		 session->client.id, session->client.ip, tally->retrieved, tally->octets,
		 tally->deleted, SPAN_ARG(tls), session->over);
}

static void end(struct session *session)
{
	log_end(session);
	peer_close(session->mailbox);
	file_close(&session->message_fd);
	client_leave(&session->client);
	pop3_server_free(session->server);
	free(session);
}

static void start_tls(struct session *session)
{
	connection_start_tls(session->client.connection, session->client.worker->tls);
	pop3_server_secured(session->server);
}

/* A message that cannot be read to its end must not look complete. */
static bool read_on(struct session *session)
{
	char piece[POP3_BODY_MAX];
	ssize_t got;

	do
		got = pread(session->message_fd, piece, sizeof(piece), session->offset);
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		struct err err;

		err_errno(&err, "read a message of %s", session->user);
		log_failure(&err);
		session->over = "a message cannot be read";
		return false;
	}
	session->offset += got;
	pop3_server_body(session->server, (struct span){ piece, (size_t)got });
	return true;
}

/* Nothing is removed before the client was sent all that he asked for. */
static void update_when_sent(struct session *session)
{
	session->update_due = connection_backlog(session->client.connection) > 0;
	if (!session->update_due)
		session_mailbox_update(session);
}

/* False: that is all for now. */
static bool act(struct session *session, enum pop3_event event)
{
	if (event != POP3_READ)
		file_close(&session->message_fd);
	switch (event) {
	case POP3_WAIT:
		if (session->asked == POP3_WAIT && session->input_over)
			session->over = "the client has left";
		return false;
	case POP3_OUTPUT:
		return true;
	case POP3_READ:
		return read_on(session);
	case POP3_START_TLS:
		start_tls(session);
		return false;
	case POP3_LOGIN:
		session->asked = event;
		client_ask_login(&session->client, pop3_server_user(session->server),
				 pop3_server_password(session->server));
		return false;
	case POP3_OPEN:
		session->asked = event;
		session_mailbox_ask(session);
		return false;
	case POP3_UPDATE:
		session->asked = event;
		update_when_sent(session);
		return false;
	case POP3_CLOSE:
		session->over = "quit";
		return false;
	}
	return false;
}

/* A whole command earns a new deadline; single bytes do not (slowloris). */
static void send_output(struct session *session)
{
	struct buf *out = pop3_server_output(session->server);

	if (!out->len)
		return;
	client_renew(&session->client);
	connection_write(session->client.connection, buf_span(out));
	buf_reset(out);
}

static void run_engine(struct session *session)
{
	struct buf *input = connection_input(session->client.connection);
	struct span rest = buf_span(input);
	bool more = true;

	while (more && connection_backlog(session->client.connection) < BACKLOG_HIGH) {
		enum pop3_event event = pop3_server_next(session->server, &rest);

		send_output(session);
		/* TLS makes what came behind the command void. */
		if (event == POP3_START_TLS)
			rest = span_after(rest, rest.len);
		buf_consume(input, input->len - rest.len);
		rest = buf_span(input);
		more = act(session, event);
	}
}

void session_go_on(struct session *session)
{
	if (session->server && !session->over && !session->update_due)
		run_engine(session);
	if (session->over)
		end(session);
	else if (session->client.worker->stopping)
		session_stop_if_idle(session);
}

void session_stop(struct session *session, struct span text, const char *why)
{
	if (session->server) {
		pop3_server_stop(session->server, text);
		send_output(session);
	}
	session->over = why;
	end(session);
}

void session_stop_if_idle(struct session *session)
{
	static const char text[] = "[SYS/TEMP] this service stops, try again soon";

	if (session->asked == POP3_WAIT && session->message_fd < 0 &&
	    connection_backlog(session->client.connection) == 0)
		session_stop(session, span_of(text), "this service stops");
}

static const char *why_broken(const struct session *session)
{
	const char *failure = connection_failure(session->client.connection);

	return failure ? failure : "the client has left";
}

void session_on_connection(void *ctx, enum connection_event event)
{
	struct session *session = ctx;

	switch (event) {
	case CONNECTION_INPUT:
		break;
	case CONNECTION_DRAINED:
		client_renew(&session->client);
		if (session->update_due) {
			session->update_due = false;
			session_mailbox_update(session);
		}
		break;
	case CONNECTION_DEADLINE:
		session_stop(session, span_of("idle for too long, goodbye"), "idle");
		return;
	case CONNECTION_CLOSED:
		session->input_over = true;
		if (connection_is_broken(session->client.connection))
			session->over = why_broken(session);
		break;
	}
	session_go_on(session);
}
