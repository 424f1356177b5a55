#include "programs/lontar-smtpd/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "programs/lontar-smtpd/mail.h"

#define BACKLOG_MAX ((size_t)64 * 1024)
/* Of a message, for another full timeout: nobody's link is slower than some 50 bytes a
 * second, but a client who means harm is. */
#define RENEWING_BYTES ((uint64_t)16 * 1024)

static void log_end(const struct session *session)
{
	struct span tls = client_tls(&session->client);
	const char *failure = connection_failure(session->client.connection);

	/* Whom lontar-auth turned away is in its log; there may be very many. */
	if (session->server && !session_is_local(session))
		log_info("smtp end session=%s ip=%s messages=%u bytes=%" PRIu64
			 " tls=%.*s why=%s",
			 session->client.id, session->client.ip, session->messages,
			 session->messages_bytes, SPAN_ARG(tls),
			 failure        ? failure
			 : session->why ? session->why
					: "quit");
}

/* The session is freed. */
void session_end(struct session *session)
{
	log_end(session);
	mail_reset(session);
	client_leave(&session->client);
	engine_free(session->server);
	free(session->relay_suffix);
	free(session->login);
	free(session);
}

void session_renew(struct session *session)
{
	session->unrenewed = 0;
	client_renew(&session->client);
}

/* A whole command earns a new deadline; single bytes do not (slowloris). */
static void send_output(struct session *session)
{
	struct buf *output = engine_output(session->server);

	if (!output->len)
		return;
	connection_write(session->client.connection, buf_span(output));
	buf_reset(output);
	session_renew(session);
}

static void on_body(struct session *session, struct span body)
{
	mail_append(session, body);
	session->unrenewed += body.len;
	if (session->unrenewed >= RENEWING_BYTES)
		session_renew(session);
}

static bool is_congested(const struct session *session)
{
	return connection_backlog(session->client.connection) > BACKLOG_MAX;
}

/* The engine has used up its input. False: the session is over and freed. */
static bool await_input(struct session *session)
{
	if (session->gone) {
		if (!session->why)
			session->why = "client gone";
		session_end(session);
		return false;
	}
	if (!session->client.worker->stopping)
		return false;
	engine_expel(session->server, "4.3.2", "closing now, try again soon");
	session->why = "stopped";
	return true;
}

/* Does what the engine says. False: enough for now, or the session is over and freed. */
static bool on_event(struct session *session, const struct smtp_event *event)
{
	switch (event->kind) {
	case SMTP_NEEDS_INPUT:
		return await_input(session);
	case SMTP_NEEDS_ANSWER:
		return false;
	case SMTP_OUTPUT:
		return session->why || !is_congested(session);
	case SMTP_ASK_RECIPIENT:
		session->awaiting = mail_ask_recipient(session, event);
		return true;
	case SMTP_ASK_SCRATCH:
		session->awaiting = true;
		mail_ask_scratch(session, event->size);
		return true;
	case SMTP_ASK_DRAFT:
		session->awaiting = true;
		mail_ask_draft(session, event->size);
		return true;
	case SMTP_BODY:
		on_body(session, event->body);
		return true;
	case SMTP_ASK_COMMIT:
		session->awaiting = true;
		mail_ask_commit(session, event);
		return true;
	case SMTP_RESET:
		mail_reset(session);
		return true;
	case SMTP_ASK_LOGIN:
		session->awaiting = true;
		client_ask_login(&session->client, span_of(event->user),
				 span_of(event->password));
		return true;
	case SMTP_START_TLS:
		connection_start_tls(session->client.connection,
				     session->client.worker->tls);
		return true;
	case SMTP_CLOSE:
		session_end(session);
		return false;
	}
	return false;
}

void session_go_on(struct session *session)
{
	const struct smtp_event *event;

	if (!session->server) {
		/* He may have said all in one go, and wait for the replies. */
		if (session->gone && connection_is_broken(session->client.connection)) {
			session->why = "client gone";
			session_end(session);
		}
		return;
	}
	do {
		event = engine_next(session->server,
				    connection_input(session->client.connection));
		send_output(session);
	} while (on_event(session, event));
}

void session_answer(struct session *session, const struct smtp_verdict *verdict)
{
	if (!session->awaiting)
		return;
	session->awaiting = false;
	engine_answer(session->server, verdict);
	session_go_on(session);
}

void session_expel(struct session *session, const char *status, const char *text,
		   const char *why)
{
	AUTO_BUF reply = BUF_INIT(600);

	session->why = why;
	session->awaiting = false;
	if (session->server) {
		engine_expel(session->server, status, text);
		session_go_on(session);
	} else if (buf_appendf(&reply, "%s %s", status, text)) {
		session_turn_away(session, "421", buf_span(&reply));
	}
}

static void on_deadline(struct session *session)
{
	if (session->awaiting)
		session_renew(session); /* it is not the client who lets us wait */
	else
		session_expel(session, "4.4.2", "nothing was heard for too long",
			      "timeout");
}

void session_on_connection(void *ctx, enum connection_event event)
{
	struct session *session = ctx;

	switch (event) {
	case CONNECTION_INPUT:
	case CONNECTION_DRAINED:
		session_go_on(session);
		break;
	case CONNECTION_DEADLINE:
		on_deadline(session);
		break;
	case CONNECTION_CLOSED:
		session->gone = true;
		session_go_on(session);
		break;
	}
}

void session_on_result(struct client *client, const struct auth_result *result, int fd)
{
	static const enum smtp_verdict_kind kinds[] = {
		[AUTH_YES] = SMTP_YES, [AUTH_NO] = SMTP_NO, [AUTH_LATER] = SMTP_LATER
	};
	struct session *session = (struct session *)client;
	struct smtp_verdict verdict = { .kind = SMTP_LATER };
	char user[256];

	file_close(&fd);
	if (result->verdict < LENGTH(kinds))
		verdict.kind = kinds[result->verdict];
	if (verdict.kind == SMTP_YES) {
		free(session->login);
		if (!packet_text_copy(result->user, user, sizeof(user)))
			snprintf(user, sizeof(user), "?");
		session->login = must_copy(user);
		log_info("smtp login session=%s ip=%s user=%s", session->client.id,
			 session->client.ip, session->login);
	}
	session_answer(session, &verdict);
}
