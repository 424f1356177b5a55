#include <stdlib.h>
#include <string.h>

#include "smtp/server_verbs.h"

/* The name goes into the Received line's grammar: what could break out of it becomes
 * "?" (RFC 5321 4.1.1.1 wants a domain or literal; people's machines say other things).
 * False for what is no word at all. */
static bool take_name(struct smtp_server *server, struct span args)
{
	size_t len = 0;

	for (; len < args.len && args.at[len] != ' ' && args.at[len] != '\t'; len++)
		if ((unsigned char)args.at[len] > 126 || len == SERVER_HELO_MAX - 1)
			return false;
	if (!len)
		return false;
	memcpy(server->helo, args.at, len);
	server->helo[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (strchr("()<>\\\",;", server->helo[i]))
			server->helo[i] = '?';
	return true;
}

static bool named(struct smtp_server *server, struct span args, bool extended)
{
	if (!take_name(server, args)) {
		smtp_offence(server, 501, "5.5.4", "your host's name, please");
		return false;
	}
	server->extended = extended;
	smtp_forget(server);
	return true;
}

static void say(struct smtp_server *server, const char *line)
{
	if (!buf_appendf(&server->output, "250-%s\r\n", line))
		abort();
}

/* ehlo = "EHLO" SP ( Domain / address-literal ) */
void smtp_cmd_ehlo(struct smtp_server *server, struct span args)
{
	const struct smtp_policy *policy = &server->policy;

	if (!named(server, args, true))
		return;
	say(server, policy->me);
	say(server, "PIPELINING");
	say(server, "8BITMIME");
	say(server, "SMTPUTF8");
	say(server, "ENHANCEDSTATUSCODES");
	say(server, "CHUNKING");
	if (policy->tls_offered && !policy->tls_active)
		say(server, "STARTTLS");
	if (smtp_may_log_in(server))
		say(server, "AUTH PLAIN LOGIN");
	smtp_reply(server, 250, "", "SIZE %llu", (unsigned long long)policy->databytes);
}

/* helo = "HELO" SP Domain */
void smtp_cmd_helo(struct smtp_server *server, struct span args)
{
	if (named(server, args, false))
		smtp_reply(server, 250, "", "%s", server->policy.me);
}

void smtp_cmd_rset(struct smtp_server *server, struct span args)
{
	if (args.len) {
		smtp_offence(server, 501, "5.5.4", "RSET stands alone");
		return;
	}
	smtp_forget(server);
	smtp_reply(server, 250, "2.0.0", "forgotten");
}

void smtp_cmd_noop(struct smtp_server *server, struct span args)
{
	(void)args;
	smtp_reply(server, 250, "2.0.0", "still here");
}

void smtp_cmd_vrfy(struct smtp_server *server, struct span args)
{
	if (args.len)
		smtp_reply(server, 252, "2.5.0", "send some mail, I'll try my best");
	else
		smtp_offence(server, 501, "5.5.4", "whom?");
}

void smtp_cmd_expn(struct smtp_server *server, struct span args)
{
	(void)args;
	smtp_offence(server, 502, "5.5.1", "EXPN is not done here");
}

void smtp_cmd_help(struct smtp_server *server, struct span args)
{
	(void)args;
	smtp_reply(server, 214, "2.0.0",
		   "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY STARTTLS AUTH QUIT; "
		   "RFC 5321 explains");
}

void smtp_cmd_quit(struct smtp_server *server, struct span args)
{
	(void)args;
	smtp_reply(server, 221, "2.0.0", "%s goodbye", server->policy.me);
	server->state = SERVER_CLOSED;
}

/* starttls = "STARTTLS" (RFC 3207 4; all that was said before is forgotten, 4.2) */
void smtp_cmd_starttls(struct smtp_server *server, struct span args)
{
	if (server->policy.tls_active) {
		smtp_offence(server, 503, "5.5.1", "TLS is active already");
	} else if (!server->policy.tls_offered) {
		smtp_offence(server, 502, "5.5.1", "no TLS here");
	} else if (args.len) {
		smtp_offence(server, 501, "5.5.4", "STARTTLS stands alone");
	} else {
		smtp_reply(server, 220, "2.0.0", "go ahead");
		server->helo[0] = '\0';
		server->extended = false;
		smtp_forget(server);
		server->policy.tls_active = true;
		server->event.kind = SMTP_START_TLS;
	}
}

void smtp_cmd_http(struct smtp_server *server, struct span args)
{
	(void)args;
	smtp_reply(server, 500, "5.5.1", "this is a mail server");
	server->state = SERVER_CLOSED;
}
