#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/log.h"
#include "programs/lontar-pop3d/session.h"

#define TIMEOUT_DEFAULT_S 600 /* RFC 1939 section 3: no less */
#define TIMEOUT_MAX_S     86400

/* A laptop that went to sleep in a session must not keep its mailbox locked until the
 * session's deadline: after two minutes of silence the kernel knows. */
static void notice_absence(int fd)
{
	const int on = 1, idle_s = 60, interval_s = 20, probes = 3;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

static struct client *new_session(int fd)
{
	struct session *session = must_alloc(sizeof(*session));

	*session = (struct session){ .message_fd = -1 };
	notice_absence(fd);
	return &session->client;
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

static void on_permit(struct client *client, const struct auth_permit *permit)
{
	struct session *session = (struct session *)client;
	struct pop3_policy policy = { .tls_offered = session->client.worker->tls != NULL,
				      .secure = client_is_tls_service(client),
				      .plain_logins = permit->plain_logins };
	uint64_t timeout_s = permit->timeout_s;
	char line[300];

	if (session->server)
		return;
	if (timeout_s == 0)
		timeout_s = TIMEOUT_DEFAULT_S;
	if (timeout_s > TIMEOUT_MAX_S)
		timeout_s = TIMEOUT_MAX_S;
	session->full_timeout_ms = (int)timeout_s * 1000;
	session->server = pop3_server_new(&policy, permit->me);
	if (permit->verdict != AUTH_YES) {
		/* No greeting: a refusal stands in its place. */
		buf_reset(pop3_server_output(session->server));
		session_stop(session,
			     refusal(permit->verdict, "[SYS/PERM]", permit->text, line),
			     "not permitted");
		return;
	}
	session->is_permitted = true;
	log_info("pop3 connect session=%s service=%s ip=%s", session->client.id,
		 session->client.service, session->client.ip);
	session_go_on(session);
}

static void on_result(struct client *client, const struct auth_result *result,
		      int mailbox_fd)
{
	struct session *session = (struct session *)client;
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

static void stop(struct client *client)
{
	session_stop_if_idle((struct session *)client);
}

static void expel(struct client *client, const char *why)
{
	session_stop((struct session *)client, span_of(SESSION_TEMPORARY), why);
}

const struct protocol pop3d_protocol = {
	.tls_service = "pop3s",
	.clients_max = 1000,
	.client_fds = 3, /* the client, his mailbox, a message */
	.stop_s = 3.0,   /* for what is being said */
	.timeout_ms = 180000,
	.new_client = new_session,
	.on_connection = session_on_connection,
	.on_permit = on_permit,
	.on_result = on_result,
	.stop = stop,
	.expel = expel,
};
