#include "pop3/conversation.h"

#include <stdio.h>

#include "base/number.h"

#define FAULTS_MAX 20 /* commands that make no sense; then it is no client */

/* A command that a client should not have given. */
static enum pop3_event fault(struct pop3_server *server, const char *text)
{
	if (++server->faults < FAULTS_MAX) {
		pop3_say(server, "-ERR %s", text);
		return POP3_WAIT;
	}
	pop3_say(server, "-ERR too many errors, goodbye");
	return pop3_end(server);
}

static enum pop3_event ask(struct pop3_server *server, enum pop3_event event)
{
	server->task = POP3_TASK_ANSWER;
	server->asked = event;
	return event;
}

static bool may_log_in(const struct pop3_server *server)
{
	return server->policy.secure || server->policy.plain_logins;
}

/* capa = "CAPA"; RFC 2449 section 5. What was true before the login may change by it. */
static enum pop3_event cmd_capa(struct pop3_server *server, struct span rest)
{
	(void)rest;
	pop3_say(server,
		 "+OK what I can do\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
		 "PIPELINING\r\nEXPIRE NEVER");
	if (may_log_in(server))
		pop3_say(server, "USER");
	if (server->policy.tls_offered && !server->policy.secure &&
	    server->state != POP3_STATE_OPEN)
		pop3_say(server, "STLS");
	pop3_say(server, "IMPLEMENTATION Lontar\r\n.");
	return POP3_WAIT;
}

/* stls = "STLS"; RFC 2595 section 4 */
static enum pop3_event cmd_stls(struct pop3_server *server, struct span rest)
{
	(void)rest;
	if (server->policy.secure)
		return fault(server, "TLS is on already");
	if (!server->policy.tls_offered)
		return fault(server, "no TLS here");
	pop3_say(server, "+OK begin TLS");
	return ask(server, POP3_START_TLS);
}

/* user = "USER" SP name */
static enum pop3_event cmd_user(struct pop3_server *server, struct span rest)
{
	if (!may_log_in(server))
		return fault(server, server->policy.tls_offered
					     ? "no passwords in plain text: use STLS"
					     : "no passwords in plain text");
	if (rest.len == 0)
		return fault(server, "syntax: USER name");
	pop3_forget_login(server);
	pop3_must(buf_append_span(&server->user, rest));
	server->state = POP3_STATE_NAMED;
	pop3_say(server, "+OK");
	return POP3_WAIT;
}

/* pass = "PASS" SP password, which may have blanks in it: all of the line counts */
static enum pop3_event cmd_pass(struct pop3_server *server, struct span rest)
{
	pop3_must(buf_append_span(&server->password, rest));
	return ask(server, POP3_LOGIN);
}

/* quit = "QUIT" */
static enum pop3_event cmd_quit(struct pop3_server *server, struct span rest)
{
	(void)rest;
	if (server->state == POP3_STATE_OPEN)
		return ask(server, POP3_UPDATE);
	pop3_say(server, "+OK goodbye");
	return pop3_end(server);
}

/* noop = "NOOP" */
static enum pop3_event cmd_noop(struct pop3_server *server, struct span rest)
{
	(void)rest;
	pop3_say(server, "+OK");
	return POP3_WAIT;
}

static enum pop3_event say_totals(struct pop3_server *server)
{
	pop3_say(server, "+OK %zu messages (%llu octets)", server->messages.unmarked,
		 (unsigned long long)server->messages.unmarked_octets);
	return POP3_WAIT;
}

/* rset = "RSET" */
static enum pop3_event cmd_rset(struct pop3_server *server, struct span rest)
{
	(void)rest;
	pop3_messages_unmark_all(&server->messages);
	return say_totals(server);
}

/* stat = "STAT" */
static enum pop3_event cmd_stat(struct pop3_server *server, struct span rest)
{
	(void)rest;
	pop3_say(server, "+OK %zu %llu", server->messages.unmarked,
		 (unsigned long long)server->messages.unmarked_octets);
	return POP3_WAIT;
}

/* Takes a message number into server->message, or says why not. */
static bool find(struct pop3_server *server, struct span text)
{
	uint64_t number;

	if (number_parse(text, server->messages.count, &number) && number > 0 &&
	    !server->messages.all[number - 1].marked) {
		server->message = (size_t)number - 1;
		return true;
	}
	pop3_say(server, "-ERR no such message");
	return false;
}

static enum pop3_event list(struct pop3_server *server, struct span rest, bool uids)
{
	server->list_uids = uids;
	if (rest.len) {
		if (find(server, rest))
			pop3_say_message(server, "+OK ");
		return POP3_WAIT;
	}
	server->message = 0;
	server->task = POP3_TASK_LIST;
	return say_totals(server);
}

/* list = "LIST" [SP number] */
static enum pop3_event cmd_list(struct pop3_server *server, struct span rest)
{
	return list(server, span_trim(rest), false);
}

/* uidl = "UIDL" [SP number] */
static enum pop3_event cmd_uidl(struct pop3_server *server, struct span rest)
{
	return list(server, span_trim(rest), true);
}

/* retr = "RETR" SP number */
static enum pop3_event cmd_retr(struct pop3_server *server, struct span rest)
{
	if (!find(server, span_trim(rest)))
		return POP3_WAIT;
	server->whole = true;
	return ask(server, POP3_OPEN);
}

/* top = "TOP" SP number SP lines */
static enum pop3_event cmd_top(struct pop3_server *server, struct span rest)
{
	struct span number;
	uint64_t lines;

	rest = span_trim(rest);
	if (!span_cut(&rest, ' ', &number) || !rest.at ||
	    !number_parse(span_trim(rest), UINT64_MAX, &lines))
		return fault(server, "syntax: TOP message lines");
	if (!find(server, number))
		return POP3_WAIT;
	server->whole = false;
	server->top = (struct top){ .lines = lines };
	return ask(server, POP3_OPEN);
}

/* dele = "DELE" SP number: only a mark, until QUIT */
static enum pop3_event cmd_dele(struct pop3_server *server, struct span rest)
{
	if (!find(server, span_trim(rest)))
		return POP3_WAIT;
	pop3_messages_mark(&server->messages, server->message);
	pop3_say(server, "+OK message %zu will be deleted", server->message + 1);
	return POP3_WAIT;
}

static const char *const so_far[] = {
#define X(name, what) what,
	POP3_STATES(X)
#undef X
};

#define IN(state) (1u << POP3_STATE_##state)

static const struct command {
	const char *verb;
	unsigned states;
	enum pop3_event (*run)(struct pop3_server *server, struct span rest);
} commands[] = {
	{ "RETR", IN(OPEN), cmd_retr },
	{ "DELE", IN(OPEN), cmd_dele },
	{ "LIST", IN(OPEN), cmd_list },
	{ "UIDL", IN(OPEN), cmd_uidl },
	{ "TOP", IN(OPEN), cmd_top },
	{ "STAT", IN(OPEN), cmd_stat },
	{ "RSET", IN(OPEN), cmd_rset },
	{ "NOOP", IN(OPEN), cmd_noop },
	{ "USER", IN(GREETED) | IN(NAMED), cmd_user },
	{ "PASS", IN(NAMED), cmd_pass },
	{ "STLS", IN(GREETED) | IN(NAMED), cmd_stls },
	{ "CAPA", IN(GREETED) | IN(NAMED) | IN(OPEN), cmd_capa },
	{ "QUIT", IN(GREETED) | IN(NAMED) | IN(OPEN), cmd_quit },
};

enum pop3_event pop3_obey(struct pop3_server *server, struct span line)
{
	struct span rest = line;
	struct span verb;

	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.at[i] < ' ' || line.at[i] == 0x7f)
			return fault(server, "a command has no control characters");
	if (!span_cut(&rest, ' ', &verb))
		return POP3_WAIT;
	for (size_t i = 0; i < LENGTH(commands); i++) {
		char text[80];

		if (!span_is_word(verb, commands[i].verb))
			continue;
		if (commands[i].states & 1u << server->state)
			return commands[i].run(server, rest);
		snprintf(text, sizeof(text), "not now: %s", so_far[server->state]);
		return fault(server, text);
	}
	return fault(server, "no such command");
}
