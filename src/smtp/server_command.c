#include <string.h>

#include "smtp/server_verbs.h"

#define IN(state) (1U << SERVER_##state)
#define BETWEEN   (IN(GREETED) | IN(NAMED))
#define ANY_TIME  (BETWEEN | IN(SENDER) | IN(RECIPIENT) | IN(CHUNKS))

/* Where a verb may stand; `idle` ones bring no mail forward and are counted. BDAT comes
 * through at any time, since its octets must be taken wherever it stands. */
static const struct command {
	const char *verb;
	unsigned states;
	bool idle;
	smtp_verb *run;
} commands[] = {
	{ "EHLO", ANY_TIME, true, smtp_cmd_ehlo },
	{ "HELO", ANY_TIME, true, smtp_cmd_helo },
	{ "MAIL", IN(NAMED), false, smtp_cmd_mail },
	{ "RCPT", IN(SENDER) | IN(RECIPIENT), false, smtp_cmd_rcpt },
	{ "DATA", IN(SENDER) | IN(RECIPIENT), false, smtp_cmd_data },
	{ "BDAT", ANY_TIME, false, smtp_cmd_bdat },
	{ "RSET", ANY_TIME, true, smtp_cmd_rset },
	{ "NOOP", ANY_TIME, true, smtp_cmd_noop },
	{ "VRFY", ANY_TIME, true, smtp_cmd_vrfy },
	{ "EXPN", ANY_TIME, true, smtp_cmd_expn },
	{ "HELP", ANY_TIME, true, smtp_cmd_help },
	{ "QUIT", ANY_TIME, false, smtp_cmd_quit },
	{ "STARTTLS", BETWEEN, true, smtp_cmd_starttls },
	{ "AUTH", IN(NAMED), true, smtp_cmd_auth },
	/* A browser, made to speak to us by somebody's page (ALPACA). */
	{ "GET", ANY_TIME, false, smtp_cmd_http },
	{ "POST", ANY_TIME, false, smtp_cmd_http },
	{ "PUT", ANY_TIME, false, smtp_cmd_http },
	{ "HEAD", ANY_TIME, false, smtp_cmd_http },
	{ "OPTIONS", ANY_TIME, false, smtp_cmd_http },
	{ "CONNECT", ANY_TIME, false, smtp_cmd_http },
};

static const char *const awaited[] = {
#define X(name, what, next) [SERVER_##name] = (next),
	SMTP_SERVER_STATES(X)
#undef X
};

static const struct command *find_command(struct span verb)
{
	for (size_t i = 0; i < LENGTH(commands); i++)
		if (span_is_word(verb, commands[i].verb))
			return &commands[i];
	return NULL;
}

/* Control bytes have no place in a command; bytes beyond 127 have, in some addresses. */
static bool is_clean(struct span line)
{
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.at[i] < ' ' ? line.at[i] != '\t'
						    : line.at[i] == 127)
			return false;
	return true;
}

/* command = verb [blanks arguments] */
static void on_command(struct smtp_server *server, struct span line)
{
	const struct command *command;
	struct span verb;

	if (!is_clean(line)) {
		smtp_offence(server, 500, "5.5.2", "control bytes in a command");
		return;
	}
	line = verb = span_trim(line);
	for (verb.len = 0; verb.len < line.len; verb.len++)
		if (line.at[verb.len] == ' ' || line.at[verb.len] == '\t')
			break;
	command = find_command(verb);
	if (!command)
		smtp_offence(server, 500, "5.5.1", "no such command here");
	else if (!(command->states & (1U << server->state)))
		smtp_offence(server, 503, "5.5.1", "%s comes out of order: %s is next",
			     command->verb, awaited[server->state]);
	else if (command->idle && ++server->idle > SERVER_IDLE_MAX)
		smtp_hang_up(server, "4.7.0", "too many commands without any mail");
	else
		command->run(server, span_trim(span_after(line, verb.len)));
}

static size_t line_limit(const struct smtp_server *server, struct span rest)
{
	bool login = server->state == SERVER_LOGIN ||
		     (rest.len > 4 && span_is_word((struct span){ rest.at, 4 }, "AUTH"));

	return login ? SERVER_LOGIN_LINE_MAX : SERVER_LINE_MAX;
}

/* Throws a line away as it comes, up to its end or to the end of our patience. */
static void skip_line(struct smtp_server *server, size_t len, bool ended)
{
	server->taken += len;
	server->overlong += len;
	if (server->overlong > SERVER_LINE_DROP) {
		smtp_reply(server, 500, "5.5.2", "line too long");
		server->state = SERVER_CLOSED;
	} else if (ended) {
		server->overlong = 0;
		if (server->state == SERVER_LOGIN)
			server->state = SERVER_NAMED;
		smtp_offence(server, 500, "5.5.2", "line too long");
	}
}

bool smtp_take_line(struct smtp_server *server, struct span rest)
{
	const char *end = memchr(rest.at, '\n', rest.len);
	size_t len = end ? (size_t)(end - rest.at) + 1 : rest.len;

	/* A TLS handshake where plain text is spoken: it would wait for us for ever. */
	if (server->state == SERVER_GREETED && rest.at[0] == 0x16) {
		smtp_reply(server, 500, "5.5.1", "no TLS yet: STARTTLS first");
		server->state = SERVER_CLOSED;
		return true;
	}
	if (server->overlong || len > line_limit(server, rest)) {
		skip_line(server, len, end != NULL);
		return true;
	}
	if (!end)
		return false;
	server->taken += len;
	if (len < 2 || rest.at[len - 2] != '\r')
		smtp_offence(server, 500, "5.5.2", "a line ends with CR LF, not with LF");
	else if (server->state == SERVER_LOGIN)
		server->on_response(server, (struct span){ rest.at, len - 2 });
	else
		on_command(server, (struct span){ rest.at, len - 2 });
	return true;
}
