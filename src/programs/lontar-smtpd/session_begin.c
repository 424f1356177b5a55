#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "programs/lontar-smtpd/session.h"

/* A reply where there is no engine yet to make it. QMTP has none but to a package: to
 * hang up is what says "later". */
void session_turn_away(struct session *session, const char *code, struct span text)
{
	AUTO_BUF reply = BUF_INIT(600);

	if (!engine_is_qmtp_service(session->client.service) &&
	    buf_appendf(&reply, "%s %.*s\r\n", code,
			(int)(text.len < 400 ? text.len : 400), text.at))
		connection_write(session->client.connection, buf_span(&reply));
	session_end(session);
}

static void start_server(struct session *session, const struct auth_permit *permit)
{
	char me[256], greeting[256];
	bool submission = strcmp(session->client.service, "submission") == 0;
	bool smtps = client_is_tls_service(&session->client);
	struct smtp_policy policy = {
		.me = me,
		.greeting = greeting,
		.databytes = permit->databytes,
		.may_relay = session->may_relay,
		.login_required = submission || smtps,
		.login_offered = session->client.worker->auth != NULL &&
				 !session_is_local(session),
		.tls_offered =
			session->client.worker->tls != NULL && !session_is_local(session),
		.tls_active = smtps,
	};

	if (!packet_text_copy(permit->me, me, sizeof(me)))
		snprintf(me, sizeof(me), "localhost");
	if (!packet_text_copy(permit->greeting, greeting, sizeof(greeting)))
		snprintf(greeting, sizeof(greeting), "%s", me);
	session->server = engine_new(session->client.service, &policy);
}

static void admit(struct session *session, const struct auth_permit *permit)
{
	char suffix[ADDRESS_MAX];

	if (permit->verdict != AUTH_YES) {
		session_turn_away(session, permit->verdict == AUTH_NO ? "554" : "421",
				  permit->text);
		return;
	}
	if (!session_is_local(session))
		log_info("smtp connect session=%s service=%s ip=%s", session->client.id,
			 session->client.service, session->client.ip);
	session->may_relay = permit->may_relay != 0;
	/* A suffix that cannot be put behind anything must not become an open relay. */
	if (!packet_text_copy(permit->relay_suffix, suffix, sizeof(suffix)))
		session->may_relay = false;
	else
		session->relay_suffix = must_copy(suffix);
	session->client.timeout_ms = permit->timeout_s > 0 && permit->timeout_s < 86400
					     ? (int)permit->timeout_s * 1000
					     : 300000;
	start_server(session, permit);
	session_go_on(session);
}

void session_on_permit(struct client *client, const struct auth_permit *permit)
{
	struct session *session = (struct session *)client;
	struct auth_permit amended = *permit;

	if (session->server)
		return;
	if (session_smtpd(session)->amend)
		session_smtpd(session)->amend(&amended);
	admit(session, &amended);
}

struct client *session_new(int fd)
{
	struct session *session = must_alloc(sizeof(*session));

	(void)fd;
	*session = (struct session){ .login = must_copy(""),
				     .draft_fd = -1,
				     .scratch_fd = -1 };
	return &session->client;
}
