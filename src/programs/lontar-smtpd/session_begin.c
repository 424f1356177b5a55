#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "programs/lontar-smtpd/session.h"

#define PERMIT_WAIT_MS 60000

/* A reply where there is no engine yet to make it. */
void session_turn_away(struct session *session, const char *code, struct span text)
{
	AUTO_BUF reply = BUF_INIT(600);

	if (buf_appendf(&reply, "%s %.*s\r\n", code,
			(int)(text.len < 400 ? text.len : 400), text.at))
		connection_write(session->connection, buf_span(&reply));
	session_end(session);
}

static void start_server(struct session *session, const struct auth_permit *permit)
{
	char me[256], greeting[256];
	bool submission = strcmp(session->service, "submission") == 0;
	bool smtps = strcmp(session->service, "smtps") == 0;
	struct smtp_policy policy = {
		.me = me,
		.greeting = greeting,
		.databytes = permit->databytes,
		.may_relay = session->may_relay,
		.login_required = submission || smtps,
		.login_offered =
			session->worker->auth != NULL && !session_is_local(session),
		.tls_offered = session->worker->tls != NULL && !session_is_local(session),
		.tls_active = smtps,
	};

	if (!packet_text_copy(permit->me, me, sizeof(me)))
		snprintf(me, sizeof(me), "localhost");
	if (!packet_text_copy(permit->greeting, greeting, sizeof(greeting)))
		snprintf(greeting, sizeof(greeting), "%s", me);
	session->server = smtp_server_new(&policy);
}

void session_on_permit(struct session *session, const struct auth_permit *permit)
{
	char suffix[ADDRESS_MAX];

	if (session->server)
		return;
	if (permit->verdict != AUTH_YES) {
		session_turn_away(session, permit->verdict == AUTH_NO ? "554" : "421",
				  permit->text);
		return;
	}
	if (!session_is_local(session))
		log_info("smtp connect session=%s service=%s ip=%s", session->id,
			 session->service, session->ip);
	session->may_relay = permit->may_relay != 0;
	/* A suffix that cannot be put behind anything must not become an open relay. */
	if (!packet_text_copy(permit->relay_suffix, suffix, sizeof(suffix)))
		session->may_relay = false;
	else
		session->relay_suffix = must_copy(suffix);
	session->timeout_ms = permit->timeout_s > 0 && permit->timeout_s < 86400
				      ? (int)permit->timeout_s * 1000
				      : 300000;
	start_server(session, permit);
	session_go_on(session);
}

static char *put_digits(char *out, uint64_t number, unsigned digits)
{
	static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

	for (unsigned i = digits; i > 0; i--, number >>= 5)
		out[i - 1] = letters[number & 31];
	out[digits] = '\0';
	return out + digits;
}

/* Time and process: no other session has these, here or in the other workers. */
static void make_id(struct worker *worker, char id_out[SESSION_ID_MAX])
{
	int64_t now_us = clock_wall_us();

	worker->last_us = now_us > worker->last_us ? now_us : worker->last_us + 1;
	put_digits(put_digits(id_out, (uint64_t)worker->last_us, 11), (uint64_t)getpid(),
		   5);
}

struct session *session_open(struct worker *worker, int in_fd, int out_fd,
			     const char *service, const char *ip)
{
	struct session *session = must_alloc(sizeof(*session));

	*session = (struct session){
		.worker = worker,
		.place = worker_place(worker),
		.login = must_copy(""),
		.draft_fd = -1,
		.timeout_ms = PERMIT_WAIT_MS,
	};
	worker->sessions[session->place] = session;
	worker->count++;
	session->tag = worker_tag(worker, session->place);
	make_id(worker, session->id);
	snprintf(session->service, sizeof(session->service), "%s", service);
	snprintf(session->ip, sizeof(session->ip), "%s", ip);
	session->connection = connection_open(worker->loop, in_fd, out_fd,
					      session_on_connection, session);
	session_renew(session);
	if (strcmp(service, "smtps") == 0)
		connection_start_tls(session->connection, worker->tls);
	if (worker->auth) {
		auth_hello_put(&worker->ask, session->tag,
			       &(struct auth_hello){ span_of(session->service),
						     span_of(session->ip) });
		peer_send(worker->auth, &worker->ask, -1);
	}
	return session;
}
