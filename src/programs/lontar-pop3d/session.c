#include "programs/lontar-pop3d/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

#define BACKLOG_HIGH      ((size_t)64 * 1024) /* unsent; then the client's turn to read */
#define LOGIN_TIMEOUT_MS  180000
#define TIMEOUT_DEFAULT_S 600 /* RFC 1939 section 3: no less */
#define TIMEOUT_MAX_S     86400

/* "12345-7": this process and its session, in every log line. */
#define ID_FORMAT        "%ld-%" PRIu32
#define ID_ARGS(session) (long)getpid(), (session)->tag

void session_tell_auth(struct session *session)
{
	if (session->worker->auth)
		peer_send(session->worker->auth, &session->worker->ask, -1);
}

/* Whom lontar-auth turned away is in its log; there may be very many. */
static void log_end(const struct session *session)
{
	const char *described = connection_tls(session->connection);
	const char *tls = described ? described : "no";
	const struct pop3_tally *tally;

	if (!session->is_permitted)
		return;
	tally = pop3_server_tally(session->server);
	log_info("pop3 end session=%s ip=%s retrieved=%" PRIu64 " bytes=%" PRIu64
		 " deleted=%" PRIu64 " tls=%.*s why=%s",
		 session->id, session->ip, tally->retrieved, tally->octets,
		 tally->deleted, (int)strcspn(tls, " "), tls, session->over);
}

static void end(struct session *session)
{
	struct worker *worker = session->worker;

	log_end(session);
	packet_begin(&worker->ask, AUTH_BYE, session->tag);
	session_tell_auth(session);
	peer_close(session->mailbox);
	file_close(&session->message_fd);
	connection_finish(session->connection);
	pop3_server_free(session->server);
	*session->at = session->next;
	if (session->next)
		session->next->at = session->at;
	worker->count--;
	free(session);
	worker->on_session_end(worker);
}

void session_renew(struct session *session)
{
	connection_set_deadline(session->connection, session->timeout_ms);
}

static void ask_login(struct session *session)
{
	struct pop3_server *server = session->server;

	auth_login_put(&session->worker->ask, session->tag,
		       &(struct auth_login){ pop3_server_user(server),
					     pop3_server_password(server) });
	session_tell_auth(session);
	explicit_bzero(session->worker->ask.data, session->worker->ask.len);
}

static void start_tls(struct session *session)
{
	connection_start_tls(session->connection, session->worker->tls);
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
	session->update_due = connection_backlog(session->connection) > 0;
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
		ask_login(session);
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
	session_renew(session);
	connection_write(session->connection, buf_span(out));
	buf_reset(out);
}

static void run_engine(struct session *session)
{
	struct buf *input = connection_input(session->connection);
	struct span rest = buf_span(input);
	bool more = true;

	while (more && connection_backlog(session->connection) < BACKLOG_HIGH) {
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
	else if (session->worker->stopping)
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
	    connection_backlog(session->connection) == 0)
		session_stop(session, span_of(text), "this service stops");
}

static const char *why_broken(const struct session *session)
{
	const char *failure = connection_failure(session->connection);

	return failure ? failure : "the client has left";
}

void session_on_connection(void *ctx, enum connection_event event)
{
	struct session *session = ctx;

	switch (event) {
	case CONNECTION_INPUT:
		break;
	case CONNECTION_DRAINED:
		session_renew(session);
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
		if (connection_is_broken(session->connection))
			session->over = why_broken(session);
		break;
	}
	session_go_on(session);
}
