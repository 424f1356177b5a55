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

static void tell_auth(struct session *session)
{
	if (session->worker->auth)
		peer_send(session->worker->auth, &session->worker->ask, -1);
}

static void end(struct session *session)
{
	struct worker *worker = session->worker;
	struct pop3_tally tally = { 0 };

	if (session->server)
		tally = *pop3_server_tally(session->server);
	log_info("pop3 end session=" ID_FORMAT " retrieved=%" PRIu64 " bytes=%" PRIu64
		 " deleted=%" PRIu64 " why=\"%s\"",
		 ID_ARGS(session), tally.retrieved, tally.octets, tally.deleted,
		 session->over);
	packet_begin(&worker->ask, AUTH_BYE, session->tag);
	tell_auth(session);
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

static void set_deadline(struct session *session)
{
	connection_set_deadline(session->connection, session->timeout_ms);
}

static void ask_login(struct session *session)
{
	struct pop3_server *server = session->server;

	auth_login_put(&session->worker->ask, session->tag,
		       &(struct auth_login){ pop3_server_user(server),
					     pop3_server_password(server) });
	tell_auth(session);
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
		session->over = "done";
		return false;
	}
	return false;
}

static void send_output(struct session *session)
{
	struct buf *out = pop3_server_output(session->server);

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

static void on_connection(void *ctx, enum connection_event event)
{
	struct session *session = ctx;

	switch (event) {
	case CONNECTION_INPUT:
		set_deadline(session);
		break;
	case CONNECTION_DRAINED:
		set_deadline(session);
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

void session_open(struct worker *worker, int in_fd, int out_fd, const char *service,
		  const char *ip)
{
	struct session *session = must_alloc(sizeof(*session));

	*session = (struct session){ .next = worker->sessions,
				     .at = &worker->sessions,
				     .worker = worker,
				     .tag = ++worker->last_tag,
				     .message_fd = -1,
				     .timeout_ms = LOGIN_TIMEOUT_MS,
				     .secure_from_start = strcmp(service, "pop3s") == 0 };
	if (session->next)
		session->next->at = &session->next;
	worker->sessions = session;
	worker->count++;
	snprintf(session->ip, sizeof(session->ip), "%s", ip);
	log_info("pop3 connect session=" ID_FORMAT " ip=%s", ID_ARGS(session), ip);
	session->connection =
		connection_open(worker->loop, in_fd, out_fd, on_connection, session);
	if (session->secure_from_start)
		connection_start_tls(session->connection, worker->tls);
	set_deadline(session);
	auth_hello_put(&worker->ask, session->tag,
		       &(struct auth_hello){ span_of(service), span_of(session->ip) });
	tell_auth(session);
}

/* "-ERR [CODE] text" of what lontar-auth says, or of the usual words. */
static struct span refusal(uint64_t verdict, const char *no_code, struct span text,
			   char line_out[300])
{
	const char *usual = verdict == AUTH_NO ? "not accepted" : "try again later";

	if (!text.len)
		text = span_of(usual);
	if (text.len > 200)
		text.len = 200;
	snprintf(line_out, 300, "%s %.*s", verdict == AUTH_NO ? no_code : "[SYS/TEMP]",
		 SPAN_ARG(text));
	return span_of(line_out);
}

void session_on_permit(struct session *session, const struct auth_permit *permit)
{
	struct pop3_policy policy = { .tls_offered = session->worker->tls != NULL,
				      .secure = session->secure_from_start,
				      .plain_logins = permit->plain_logins };
	uint64_t timeout_s = permit->timeout_s;
	char line[300];

	if (session->server)
		return;
	if (timeout_s == 0)
		timeout_s = TIMEOUT_DEFAULT_S;
	if (timeout_s > TIMEOUT_MAX_S)
		timeout_s = TIMEOUT_MAX_S;
	session->timeout_ms = (int)timeout_s * 1000;
	session->server = pop3_server_new(&policy, permit->me);
	if (permit->verdict != AUTH_YES) {
		/* No greeting: a refusal stands in its place. */
		buf_reset(pop3_server_output(session->server));
		session_stop(session,
			     refusal(permit->verdict, "[SYS/PERM]", permit->text, line),
			     "not permitted");
		return;
	}
	session_go_on(session);
}

void session_on_result(struct session *session, const struct auth_result *result,
		       int mailbox_fd)
{
	char line[300];

	if (session->asked != POP3_LOGIN || session->mailbox) {
		file_close(&mailbox_fd);
		return;
	}
	if (result->verdict == AUTH_YES && mailbox_fd >= 0 &&
	    packet_text_copy(result->user, session->user, sizeof(session->user))) {
		session_mailbox_open(session, mailbox_fd);
		return;
	}
	file_close(&mailbox_fd);
	session->asked = POP3_WAIT;
	pop3_server_reject(session->server,
			   refusal(result->verdict, "[AUTH]", result->text, line));
	session_go_on(session);
}
