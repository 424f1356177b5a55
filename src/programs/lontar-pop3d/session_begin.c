#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "programs/lontar-pop3d/session.h"

#define LOGIN_TIMEOUT_MS  180000
#define TIMEOUT_DEFAULT_S 600 /* RFC 1939 section 3: no less */
#define TIMEOUT_MAX_S     86400

static char *put_digits(char *out, uint64_t number, unsigned digits)
{
	static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

	for (unsigned i = digits; i > 0; i--, number >>= 5)
		out[i - 1] = letters[number & 31];
	out[digits] = '\0';
	return out + digits;
}

/* Time and process: no other session has these. */
static void make_id(struct worker *worker, char id_out[SESSION_ID_MAX])
{
	int64_t now_us = clock_wall_us();

	worker->last_us = now_us > worker->last_us ? now_us : worker->last_us + 1;
	put_digits(put_digits(id_out, (uint64_t)worker->last_us, 11), (uint64_t)getpid(),
		   5);
}

static bool is_secure_from_start(const struct session *session)
{
	return strcmp(session->service, "pop3s") == 0;
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
				     .timeout_ms = LOGIN_TIMEOUT_MS };
	if (session->next)
		session->next->at = &session->next;
	worker->sessions = session;
	worker->count++;
	snprintf(session->ip, sizeof(session->ip), "%s", ip);
	snprintf(session->service, sizeof(session->service), "%s", service);
	make_id(worker, session->id);
	session->connection = connection_open(worker->loop, in_fd, out_fd,
					      session_on_connection, session);
	if (is_secure_from_start(session))
		connection_start_tls(session->connection, worker->tls);
	session_renew(session);
	auth_hello_put(&worker->ask, session->tag,
		       &(struct auth_hello){ span_of(service), span_of(session->ip) });
	session_tell_auth(session);
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
				      .secure = is_secure_from_start(session),
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
	log_info("pop3 connect session=%s service=%s ip=%s", session->id,
		 session->service, session->ip);
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
