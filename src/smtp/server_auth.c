#include <string.h>

#include "base/base64.h"
#include "smtp/server_verbs.h"

/* Passwords cross under TLS only. */
bool smtp_may_log_in(const struct smtp_server *server)
{
	return server->policy.login_offered && server->policy.tls_active;
}

static void forget_password(struct smtp_server *server)
{
	explicit_bzero(server->password.data, server->password.len);
	buf_reset(&server->password);
	buf_reset(&server->user);
}

static void fail(struct smtp_server *server, unsigned code, const char *status,
		 const char *text)
{
	forget_password(server);
	server->state = SERVER_NAMED;
	if (++server->failed_logins >= SERVER_LOGINS_MAX)
		smtp_hang_up(server, "4.7.0", "too many failed logins");
	else
		smtp_reply(server, code, status, "%s", text);
}

static void challenge(struct smtp_server *server, const char *text,
		      void (*on_response)(struct smtp_server *, struct span))
{
	server->state = SERVER_LOGIN;
	server->on_response = on_response;
	smtp_reply(server, 334, "", "%s", text);
}

/* A response, or "*" that cancels (RFC 4954 4). False: replied. */
static bool decode(struct smtp_server *server, struct span line, struct buf *out)
{
	buf_reset(out);
	if (span_is(line, "*")) {
		fail(server, 501, "5.7.0", "cancelled");
		return false;
	}
	if (!base64_decode(line, out)) {
		fail(server, 501, "5.5.2", "that is no base64");
		return false;
	}
	return true;
}

static void ask(struct smtp_server *server)
{
	/* A NUL would end the name early somewhere further in. */
	if (!server->user.len || memchr(server->user.data, '\0', server->user.len) ||
	    memchr(server->password.data, '\0', server->password.len)) {
		fail(server, 535, "5.7.8", "user name or password is wrong");
		return;
	}
	server->state = SERVER_LOGIN;
	smtp_ask(server, SMTP_ASK_LOGIN);
	server->event.user = server->user.data;
	server->event.password = server->password.data;
}

/* message = [authzid] NUL authcid NUL passwd (RFC 4616 2) */
static void on_plain(struct smtp_server *server, struct span line)
{
	AUTO_BUF message = BUF_INIT(SERVER_LOGIN_LINE_MAX);
	struct span rest, identity, user, password;

	if (!decode(server, line, &message))
		return;
	rest = buf_span(&message);
	if (!span_cut(&rest, '\0', &identity) || !span_cut(&rest, '\0', &user) ||
	    !span_cut(&rest, '\0', &password) || rest.at) {
		fail(server, 501, "5.5.2", "that is no PLAIN response");
	} else if (identity.len && (identity.len != user.len ||
				    memcmp(identity.at, user.at, user.len) != 0)) {
		fail(server, 535, "5.7.8", "nobody may act for another here");
	} else {
		buf_reset(&server->user);
		buf_reset(&server->password);
		if (buf_append_span(&server->user, user) &&
		    buf_append_span(&server->password, password))
			ask(server);
		else
			fail(server, 501, "5.5.2", "too long");
	}
	explicit_bzero(message.data, message.len);
}

static void on_password(struct smtp_server *server, struct span line)
{
	if (decode(server, line, &server->password))
		ask(server);
}

static void on_user(struct smtp_server *server, struct span line)
{
	if (decode(server, line, &server->user))
		challenge(server, "UGFzc3dvcmQ6", on_password); /* Password: */
}

/* auth = "AUTH" SP mechanism [SP initial-response], "=" for an empty one */
void smtp_cmd_auth(struct smtp_server *server, struct span args)
{
	struct span mechanism = { NULL, 0 };
	bool initial;

	if (server->logged_in) {
		smtp_offence(server, 503, "5.5.1", "logged in already");
		return;
	}
	if (!server->policy.login_offered) {
		smtp_offence(server, 502, "5.5.1", "no logins here");
		return;
	}
	if (!smtp_may_log_in(server)) {
		smtp_offence(server, 538, "5.7.11", "passwords cross under TLS only");
		return;
	}
	initial = span_cut(&args, ' ', &mechanism) && args.at;
	args = span_trim(args);
	if (span_is(args, "="))
		args.len = 0;
	if (span_is_word(mechanism, "PLAIN")) {
		if (initial)
			on_plain(server, args);
		else
			challenge(server, "", on_plain);
	} else if (span_is_word(mechanism, "LOGIN")) {
		if (initial)
			on_user(server, args);
		else
			challenge(server, "VXNlcm5hbWU6", on_user); /* Username: */
	} else {
		smtp_offence(server, 504, "5.5.4", "PLAIN and LOGIN are known here");
	}
}

void smtp_login_answered(struct smtp_server *server, const struct smtp_verdict *verdict)
{
	forget_password(server);
	server->state = SERVER_NAMED;
	switch (verdict->kind) {
	case SMTP_YES:
		server->logged_in = true;
		server->offences = server->idle = server->failed_logins = 0;
		smtp_reply(server, 235, "2.7.0", "welcome");
		break;
	case SMTP_NO:
		fail(server, 535, "5.7.8", "user name or password is wrong");
		break;
	case SMTP_LATER:
		smtp_reply(server, 454, "4.7.0",
			   "logins cannot be checked now, please try again later");
		break;
	}
}
