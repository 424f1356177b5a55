/*
 * Conversations with the POP3 server engine: what the client says, all that he must hear
 * (but for the greeting), what the program must be told. Each is held in one piece, byte
 * by byte, and cut in two at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "mail/wire.h"
#include "pop3/messages.h"
#include "pop3/server.h"

#define TEXT(text)                       \
	{                                \
		(text), sizeof(text) - 1 \
	}
#define LOGIN   "USER ann\r\nPASS secret\r\n"
#define WELCOME "+OK\r\n+OK 4 messages\r\n"
#define QUIT    "QUIT\r\n"
#define BYE     "+OK goodbye\r\n"

static const struct pop3_policy friendly = { .plain_logins = true };
static const struct pop3_policy strict = { .tls_offered = true };
static const struct pop3_policy no_way = { 0 };
static const struct pop3_policy secure = { .tls_offered = true, .secure = true };

/* The mailbox of these conversations; the last message cannot be opened. */
static const struct {
	const char *uid;
	struct span stored;
} messages[] = {
	{ "one", TEXT("A: b\n\n1\n2\n3\n") },
	{ "two", TEXT(".\n..\n\n.x\0y") },
	{ "three", TEXT("") },
	{ "four", TEXT("gone\n") },
};

#define CAPA                                                                             \
	"+OK what I can do\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING" \
	"\r\nEXPIRE NEVER\r\n"
#define CAPA_END   "IMPLEMENTATION Lontar\r\n.\r\n"
#define EMPTY_LIST "+OK 0 messages (0 octets)\r\n.\r\n"

struct script {
	const char *title;
	const struct pop3_policy *policy; /* NULL: friendly */
	struct span client;
	const char *under_tls; /* said when STLS has been granted */
	struct span said;
	const char *events;
	bool undeletable;
};

static const struct script scripts[] = {
	{ .title = "a login, the totals and goodbye",
	  .client = TEXT(LOGIN "STAT\r\n" QUIT),
	  .said = TEXT(WELCOME "+OK 4 38\r\n" BYE),
	  .events = "login <ann> <secret>; update; close; " },
	{ .title = "verbs in any case, lines that end in LF alone",
	  .client = TEXT("user ann\npAsS secret\nNoop\nquit\n"),
	  .said = TEXT(WELCOME "+OK\r\n" BYE),
	  .events = "login <ann> <secret>; update; close; " },
	{ .title = "a password may have blanks at any place",
	  .client = TEXT("USER ann\r\nPASS  two  words \r\n"),
	  .said = TEXT("+OK\r\n-ERR [AUTH] no\r\n"),
	  .events = "login <ann> < two  words >; " },
	{ .title = "a wrong password wants the name anew",
	  .client = TEXT("USER ann\r\nPASS x\r\nPASS secret\r\n" LOGIN),
	  .said = TEXT(
		  "+OK\r\n-ERR [AUTH] no\r\n-ERR not now: you are not logged in\r\n" WELCOME),
	  .events = "login <ann> <x>; login <ann> <secret>; " },
	{ .title = "after three wrong passwords the session ends",
	  .client = TEXT(
		  "USER a\r\nPASS x\r\nUSER a\r\nPASS x\r\nUSER a\r\nPASS x\r\n" LOGIN),
	  .said = TEXT(
		  "+OK\r\n-ERR [AUTH] no\r\n+OK\r\n-ERR [AUTH] no\r\n+OK\r\n-ERR [AUTH] "
		  "no\r\n"),
	  .events = "login <a> <x>; login <a> <x>; login <a> <x>; close; " },
	{ .title = "a refusal cannot break the line",
	  .client = TEXT("USER evil\r\nPASS x\r\n"),
	  .said = TEXT("+OK\r\n-ERR [AUTH] a?\?b\r\n"),
	  .events = "login <evil> <x>; " },
	{ .title = "no mail before the login, no login after it",
	  .client = TEXT("STAT\r\nRETR 1\r\nNOOP\r\n" LOGIN
			 "USER bob\r\nPASS x\r\nSTLS\r\n"),
	  .said = TEXT(
		  "-ERR not now: you are not logged in\r\n"
		  "-ERR not now: you are not logged in\r\n"
		  "-ERR not now: you are not logged in\r\n" WELCOME
		  "-ERR not now: you are logged in\r\n-ERR not now: you are logged in\r\n"
		  "-ERR not now: you are logged in\r\n"),
	  .events = "login <ann> <secret>; " },
	{ .title = "PASS needs USER",
	  .client = TEXT("PASS secret\r\nUSER\r\nUSER \r\n"),
	  .said = TEXT("-ERR not now: you are not logged in\r\n-ERR syntax: USER name\r\n"
		       "-ERR syntax: USER name\r\n"),
	  .events = "" },
	{ .title = "what can be done is told, before the login and after",
	  .client = TEXT("CAPA\r\n" LOGIN "CAPA\r\n"),
	  .said = TEXT(CAPA "USER\r\n" CAPA_END WELCOME CAPA "USER\r\n" CAPA_END),
	  .events = "login <ann> <secret>; " },
	{ .title = "where passwords need TLS, USER is neither offered nor taken",
	  .policy = &strict,
	  .client = TEXT("CAPA\r\nUSER ann\r\nPASS secret\r\n"),
	  .said = TEXT(CAPA "STLS\r\n" CAPA_END
			    "-ERR no passwords in plain text: use STLS\r\n"
			    "-ERR not now: you are not logged in\r\n"),
	  .events = "" },
	{ .title = "where there is no way to log in, it is said",
	  .policy = &no_way,
	  .client = TEXT("CAPA\r\nSTLS\r\nUSER ann\r\n"),
	  .said = TEXT(CAPA CAPA_END
		       "-ERR no TLS here\r\n-ERR no passwords in plain text\r\n"),
	  .events = "" },
	{ .title = "STLS, then the login",
	  .policy = &strict,
	  .client = TEXT("STLS\r\n"),
	  .under_tls = "CAPA\r\nSTLS\r\n" LOGIN,
	  .said = TEXT("+OK begin TLS\r\n" CAPA "USER\r\n" CAPA_END
		       "-ERR TLS is on already\r\n" WELCOME),
	  .events = "tls; login <ann> <secret>; " },
	{ .title = "a name given in plain text is forgotten under TLS",
	  .policy = &(const struct pop3_policy){ .tls_offered = true,
						 .plain_logins = true },
	  .client = TEXT("USER ann\r\nSTLS\r\n"),
	  .under_tls = "PASS secret\r\n",
	  .said = TEXT("+OK\r\n+OK begin TLS\r\n-ERR not now: you are not logged in\r\n"),
	  .events = "tls; " },
	{ .title = "TLS from the start needs no STLS",
	  .policy = &secure,
	  .client = TEXT("CAPA\r\n" LOGIN),
	  .said = TEXT(CAPA "USER\r\n" CAPA_END WELCOME),
	  .events = "login <ann> <secret>; " },
	{ .title = "an empty mailbox",
	  .client = TEXT("USER new\r\nPASS secret\r\nSTAT\r\nLIST\r\nUIDL\r\nRETR 1\r\n"
			 "LIST 1\r\n" QUIT),
	  .said = TEXT("+OK\r\n+OK 0 messages\r\n+OK 0 0\r\n" EMPTY_LIST EMPTY_LIST
		       "-ERR no such message\r\n-ERR no such message\r\n" BYE),
	  .events = "login <new> <secret>; update; close; " },
	{ .title = "lists of sizes and of ids, whole and of one",
	  .client = TEXT(LOGIN "LIST\r\nUIDL\r\nLIST 2\r\nUIDL 2\r\nUIDL  4 \r\n"),
	  .said = TEXT(WELCOME
		       "+OK 4 messages (38 octets)\r\n1 17\r\n2 15\r\n3 0\r\n4 6\r\n"
		       ".\r\n+OK 4 messages (38 octets)\r\n1 one\r\n2 two\r\n"
		       "3 three\r\n4 four\r\n.\r\n+OK 2 15\r\n+OK 2 two\r\n"
		       "+OK 4 four\r\n"),
	  .events = "login <ann> <secret>; " },
	{ .title = "a message arrives with CRLF, as many octets as listed",
	  .client = TEXT(LOGIN "RETR 1\r\n"),
	  .said = TEXT(WELCOME "+OK 17 octets\r\nA: b\r\n\r\n1\r\n2\r\n3\r\n.\r\n"),
	  .events = "login <ann> <secret>; open 0; " },
	{ .title = "dots are doubled, NULs stand, the last line gets its end",
	  .client = TEXT(LOGIN "RETR 2\r\n"),
	  .said = TEXT(WELCOME "+OK 15 octets\r\n..\r\n...\r\n\r\n..x\0y\r\n.\r\n"),
	  .events = "login <ann> <secret>; open 1; " },
	{ .title = "a message of nothing is nothing but the dot",
	  .client = TEXT(LOGIN "RETR 3\r\nTOP 3 5\r\n"),
	  .said = TEXT(WELCOME "+OK 0 octets\r\n.\r\n+OK the top of it\r\n.\r\n"),
	  .events = "login <ann> <secret>; open 2; open 2; " },
	{ .title = "a message that is gone is refused, the next is not",
	  .client = TEXT(LOGIN "RETR 4\r\nTOP 4 1\r\nRETR 3\r\n"),
	  .said = TEXT(WELCOME
		       "-ERR it is gone\r\n-ERR it is gone\r\n+OK 0 octets\r\n.\r\n"),
	  .events = "login <ann> <secret>; open 3; open 3; open 2; " },
	{ .title = "TOP: the header, the blank line, and so many more",
	  .client = TEXT(LOGIN "TOP 1 0\r\nTOP 1 2\r\nTOP 1 3\r\nTOP 1 99999999999\r\n"),
	  .said = TEXT(WELCOME "+OK the top of it\r\nA: b\r\n\r\n.\r\n"
			       "+OK the top of it\r\nA: b\r\n\r\n1\r\n2\r\n.\r\n"
			       "+OK the top of it\r\nA: b\r\n\r\n1\r\n2\r\n3\r\n.\r\n"
			       "+OK the top of it\r\nA: b\r\n\r\n1\r\n2\r\n3\r\n.\r\n"),
	  .events = "login <ann> <secret>; open 0; open 0; open 0; open 0; " },
	{ .title = "TOP doubles dots and ends a last line too",
	  .client = TEXT(LOGIN "TOP 2 1\r\n"),
	  .said = TEXT(WELCOME "+OK the top of it\r\n..\r\n...\r\n\r\n..x\0y\r\n.\r\n"),
	  .events = "login <ann> <secret>; open 1; " },
	{ .title = "numbers that name no message",
	  .client = TEXT(LOGIN "RETR 0\r\nRETR 5\r\nRETR -1\r\nRETR x\r\nRETR\r\n"
			       "RETR 18446744073709551617\r\nDELE 1x\r\nDELE 1 2\r\n"
			       "LIST 0\r\nUIDL 4294967297\r\nTOP 9 1\r\n"),
	  .said = TEXT(WELCOME "-ERR no such message\r\n-ERR no such message\r\n"
			       "-ERR no such message\r\n-ERR no such message\r\n"
			       "-ERR no such message\r\n-ERR no such message\r\n"
			       "-ERR no such message\r\n-ERR no such message\r\n"
			       "-ERR no such message\r\n-ERR no such message\r\n"
			       "-ERR no such message\r\n"),
	  .events = "login <ann> <secret>; " },
	{ .title = "TOP without its two numbers",
	  .client = TEXT(LOGIN "TOP\r\nTOP 1\r\nTOP 1 x\r\nTOP 1 -1\r\n"),
	  .said = TEXT(WELCOME "-ERR syntax: TOP message lines\r\n"
			       "-ERR syntax: TOP message lines\r\n"
			       "-ERR syntax: TOP message lines\r\n"
			       "-ERR syntax: TOP message lines\r\n"),
	  .events = "login <ann> <secret>; " },
	{ .title = "a marked message is neither listed nor had, the numbers stay",
	  .client = TEXT(LOGIN
			 "DELE 2\r\nDELE 2\r\nRETR 2\r\nLIST 2\r\nSTAT\r\nLIST\r\n" QUIT),
	  .said = TEXT(WELCOME "+OK message 2 will be deleted\r\n-ERR no such message\r\n"
			       "-ERR no such message\r\n-ERR no such message\r\n"
			       "+OK 3 23\r\n+OK 3 messages (23 octets)\r\n1 17\r\n3 0\r\n"
			       "4 6\r\n.\r\n" BYE),
	  .events = "login <ann> <secret>; update 1; close; " },
	{ .title = "RSET takes all marks back",
	  .client = TEXT(LOGIN "DELE 1\r\nDELE 4\r\nRSET\r\nSTAT\r\n" QUIT),
	  .said = TEXT(WELCOME "+OK message 1 will be deleted\r\n"
			       "+OK message 4 will be deleted\r\n"
			       "+OK 4 messages (38 octets)\r\n+OK 4 38\r\n" BYE),
	  .events = "login <ann> <secret>; update; close; " },
	{ .title = "who leaves without QUIT has removed nothing",
	  .client = TEXT(LOGIN "DELE 1\r\n"),
	  .said = TEXT(WELCOME "+OK message 1 will be deleted\r\n"),
	  .events = "login <ann> <secret>; " },
	{ .title = "QUIT tells when something could not be removed",
	  .client = TEXT(LOGIN "DELE 1\r\n" QUIT),
	  .said = TEXT(WELCOME "+OK message 1 will be deleted\r\n"
			       "-ERR [SYS/TEMP] some deleted messages not removed\r\n"),
	  .events = "login <ann> <secret>; update 0; close; ",
	  .undeletable = true },
	{ .title = "nothing is heard after QUIT",
	  .client = TEXT(QUIT LOGIN),
	  .said = TEXT(BYE),
	  .events = "close; " },
	{ .title = "a command with a NUL, a CR or a tab is refused",
	  .client = TEXT("US\0ER ann\r\nUSER a\rb\r\nUSER\tann\r\nCAPA\x7f\r\n"),
	  .said = TEXT("-ERR a command has no control characters\r\n"
		       "-ERR a command has no control characters\r\n"
		       "-ERR a command has no control characters\r\n"
		       "-ERR a command has no control characters\r\n"),
	  .events = "" },
	{ .title = "an unknown verb is told so; it may be longer than a known one",
	  .client = TEXT("HELO\r\nUSERS\r\nUSE\r\n\r\n APOP x\r\nAUTH PLAIN\r\n"),
	  .said = TEXT("-ERR no such command\r\n-ERR no such command\r\n"
		       "-ERR no such command\r\n-ERR no such command\r\n"
		       "-ERR no such command\r\n-ERR no such command\r\n"),
	  .events = "" },
};

struct told {
	const struct script *script;
	struct pop3_server *server;
	struct buf input, said, events;
	uint64_t offset;
	bool closed;
};

static void PRINTF(2, 3) note(struct told *told, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	assert_true(buf_appendv(&told->events, fmt, args));
	va_end(args);
}

static uint64_t octets(struct span stored)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < stored.len; i++)
		lines += stored.at[i] == '\n';
	return wire_size(stored.len, lines,
			 stored.len && stored.at[stored.len - 1] != '\n');
}

static void on_login(struct told *told)
{
	struct span user = pop3_server_user(told->server);
	struct span password = pop3_server_password(told->server);

	note(told, "login <%.*s> <%.*s>; ", SPAN_ARG(user), SPAN_ARG(password));
	if (span_is(user, "evil")) {
		pop3_server_reject(told->server, span_of("[AUTH] a\r\nb"));
		return;
	}
	if (!span_is(password, "secret")) {
		pop3_server_reject(told->server, span_of("[AUTH] no"));
		return;
	}
	for (size_t i = 0; i < LENGTH(messages) && span_is(user, "ann"); i++)
		assert_true(pop3_server_add(told->server, octets(messages[i].stored),
					    span_of(messages[i].uid)));
	pop3_server_admit(told->server);
}

static void on_open(struct told *told)
{
	size_t message = pop3_server_message(told->server);

	note(told, "open %zu; ", message);
	told->offset = 0;
	if (message == 3)
		pop3_server_missing(told->server, span_of("it is gone"));
	else
		pop3_server_opened(told->server);
}

/* In pieces of two bytes. */
static void on_read(struct told *told)
{
	struct span rest = messages[pop3_server_message(told->server)].stored;

	rest = span_after(rest, told->offset);
	if (rest.len > 2)
		rest.len = 2;
	told->offset += rest.len;
	pop3_server_body(told->server, rest);
}

static void on_update(struct told *told)
{
	note(told, "update");
	for (size_t i = 0; i < pop3_server_count(told->server); i++)
		if (pop3_server_is_marked(told->server, i))
			note(told, " %zu", i);
	note(told, "; ");
	pop3_server_updated(told->server, !told->script->undeletable);
}

/* What a program does. */
static void pump(struct told *told)
{
	while (!told->closed) {
		struct span rest = buf_span(&told->input);
		enum pop3_event event = pop3_server_next(told->server, &rest);

		buf_consume(&told->input, told->input.len - rest.len);
		assert_true(buf_append_span(&told->said,
					    buf_span(pop3_server_output(told->server))));
		buf_reset(pop3_server_output(told->server));
		switch (event) {
		case POP3_WAIT:
			return;
		case POP3_OUTPUT:
			break;
		case POP3_LOGIN:
			on_login(told);
			break;
		case POP3_START_TLS:
			note(told, "tls; ");
			buf_reset(&told->input);
			pop3_server_secured(told->server);
			break;
		case POP3_OPEN:
			on_open(told);
			break;
		case POP3_READ:
			on_read(told);
			break;
		case POP3_UPDATE:
			on_update(told);
			break;
		case POP3_CLOSE:
			note(told, "close; ");
			told->closed = true;
			break;
		}
	}
}

static void told_begin(struct told *told, const struct script *script)
{
	*told = (struct told){ .script = script,
			       .server = pop3_server_new(script->policy ? script->policy
									: &friendly,
							 span_of("gate.example")),
			       .input = BUF_INIT(1 << 20),
			       .said = BUF_INIT(1 << 26),
			       .events = BUF_INIT(1 << 20) };
	pump(told);
	assert_string_equal(told->said.data, "+OK gate.example POP3\r\n");
	buf_reset(&told->said);
}

static void told_end(struct told *told)
{
	pop3_server_free(told->server);
	buf_clear(&told->input);
	buf_clear(&told->said);
	buf_clear(&told->events);
}

static void feed(struct told *told, struct span bytes)
{
	assert_true(buf_append_span(&told->input, bytes));
	pump(told);
}

static void hold(const struct script *script, size_t cut, bool by_byte)
{
	struct told told;

	told_begin(&told, script);
	for (size_t i = 0; by_byte && i < script->client.len; i++)
		feed(&told, (struct span){ script->client.at + i, 1 });
	if (!by_byte) {
		feed(&told, (struct span){ script->client.at, cut });
		feed(&told, span_after(script->client, cut));
	}
	if (script->under_tls)
		feed(&told, span_of(script->under_tls));
	if (told.said.len != script->said.len ||
	    memcmp(told.said.data, script->said.at, told.said.len) != 0)
		fail_msg("said:\n%s\nnot:\n%s", told.said.data, script->said.at);
	assert_string_equal(told.events.data, script->events);
	told_end(&told);
}

static void conversation(void **state)
{
	const struct script *script = *state;

	for (size_t cut = 0; cut <= script->client.len; cut++)
		hold(script, cut, false);
	hold(script, 0, true);
}

static void twenty_wrong_commands_are_too_many(void **state)
{
	static const struct script script = { .title = "" };
	struct told told;

	(void)state;
	told_begin(&told, &script);
	for (int i = 1; i < 20; i++) {
		feed(&told, span_of("GET / HTTP/1.1\r\n"));
		assert_false(told.closed);
	}
	feed(&told, span_of("Host: x\r\n" LOGIN));
	assert_true(told.closed);
	assert_non_null(strstr(told.said.data, "-ERR too many errors, goodbye\r\n"));
	assert_string_equal(told.events.data, "close; ");
	told_end(&told);
}

static void a_line_that_does_not_end_is_not_waited_for(void **state)
{
	static const struct script script = { .title = "" };
	char line[POP3_LINE_MAX + 1];
	struct told told;

	(void)state;
	memset(line, 'x', sizeof(line));
	told_begin(&told, &script);
	feed(&told, (struct span){ line, POP3_LINE_MAX });
	assert_false(told.closed);
	feed(&told, (struct span){ line, 1 });
	assert_true(told.closed);
	assert_string_equal(told.said.data, "-ERR line too long, goodbye\r\n");
	told_end(&told);
}

/* What the program has at hand at any time stays small, however large the mailbox. */
static void a_long_list_comes_in_pieces(void **state)
{
	struct span input = span_of("USER a\r\nPASS b\r\nUIDL\r\nQUIT\r\n");
	struct pop3_server *server = pop3_server_new(&friendly, span_of("gate"));
	struct buf *out = pop3_server_output(server);
	enum pop3_event event;
	size_t lines = 0, pieces = 0, i;

	(void)state;
	assert_int_equal(pop3_server_next(server, &input), POP3_LOGIN);
	for (i = 0; i < 50000; i++)
		assert_true(pop3_server_add(server, i, span_of("1700000000.M1P1Q1.h")));
	pop3_server_admit(server);
	while ((event = pop3_server_next(server, &input)) == POP3_OUTPUT) {
		assert_true(out->len < 20000);
		pieces++;
		for (i = 0; i < out->len; i++)
			lines += out->data[i] == '\n';
		buf_reset(out);
	}
	assert_int_equal(event, POP3_UPDATE);
	assert_true(pieces > 50);
	assert_int_equal(lines, 4 + 50000 + 1);
	pop3_server_free(server);
}

static void many_commands_at_once_are_answered_in_pieces(void **state)
{
	struct buf many = BUF_INIT(1 << 20);
	struct pop3_server *server = pop3_server_new(&friendly, span_of("gate"));
	struct buf *out = pop3_server_output(server);
	struct span input;
	enum pop3_event event;

	(void)state;
	for (int i = 0; i < 10000; i++)
		assert_true(buf_append_text(&many, "CAPA\r\n"));
	input = buf_span(&many);
	while ((event = pop3_server_next(server, &input)) == POP3_OUTPUT) {
		assert_true(out->len < 20000);
		buf_reset(out);
	}
	assert_int_equal(event, POP3_WAIT);
	assert_int_equal(input.len, 0);
	pop3_server_free(server);
	buf_clear(&many);
}

static void ids_that_no_reply_may_have_are_refused(void **state)
{
	struct pop3_server *server = pop3_server_new(&friendly, span_of("gate"));
	struct span input = span_of(LOGIN);
	char uid[POP3_UID_MAX + 1];

	(void)state;
	memset(uid, 'x', sizeof(uid));
	assert_int_equal(pop3_server_next(server, &input), POP3_LOGIN);
	assert_false(pop3_server_add(server, 1, span_of("")));
	assert_false(pop3_server_add(server, 1, span_of("a b")));
	assert_false(pop3_server_add(server, 1, span_of("a\r\n")));
	assert_false(pop3_server_add(server, 1, span_of("\xff")));
	assert_false(pop3_server_add(server, 1, (struct span){ uid, sizeof(uid) }));
	assert_true(pop3_server_add(server, 1, (struct span){ uid, POP3_UID_MAX }));
	assert_int_equal(pop3_server_count(server), 1);
	pop3_server_free(server);
}

static void a_service_that_stops_says_so_but_not_within_a_message(void **state)
{
	struct pop3_server *server = pop3_server_new(&friendly, span_of("gate"));
	struct span input = span_of(LOGIN "RETR 1\r\n");
	struct buf *out = pop3_server_output(server);

	(void)state;
	assert_int_equal(pop3_server_next(server, &input), POP3_LOGIN);
	assert_true(pop3_server_add(server, 17, span_of("one")));
	pop3_server_admit(server);
	assert_int_equal(pop3_server_next(server, &input), POP3_OPEN);
	pop3_server_opened(server);
	assert_int_equal(pop3_server_next(server, &input), POP3_READ);
	pop3_server_body(server, span_of("half of it"));
	buf_reset(out);
	pop3_server_stop(server, span_of("[SYS/TEMP] stops"));
	assert_string_equal(out->data, "");
	assert_int_equal(pop3_server_next(server, &input), POP3_CLOSE);
	assert_int_equal(pop3_server_tally(server)->retrieved, 0);
	pop3_server_free(server);

	server = pop3_server_new(&friendly, span_of("gate"));
	buf_reset(pop3_server_output(server));
	pop3_server_stop(server, span_of("[SYS/TEMP] stops"));
	assert_string_equal(pop3_server_output(server)->data,
			    "-ERR [SYS/TEMP] stops\r\n");
	assert_int_equal(pop3_server_next(server, &input), POP3_CLOSE);
	pop3_server_free(server);
}

static void an_answer_that_comes_too_late_changes_nothing(void **state)
{
	struct pop3_server *server = pop3_server_new(&friendly, span_of("gate"));
	struct span input = span_of(LOGIN "STAT\r\n");

	(void)state;
	assert_int_equal(pop3_server_next(server, &input), POP3_LOGIN);
	assert_int_equal(pop3_server_next(server, &input), POP3_WAIT);
	pop3_server_stop(server, span_of("[SYS/TEMP] stops"));
	pop3_server_admit(server);
	pop3_server_opened(server);
	pop3_server_updated(server, true);
	assert_int_equal(pop3_server_next(server, &input), POP3_CLOSE);
	assert_int_equal(pop3_server_tally(server)->deleted, 0);
	pop3_server_free(server);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(twenty_wrong_commands_are_too_many),
		cmocka_unit_test(a_line_that_does_not_end_is_not_waited_for),
		cmocka_unit_test(a_long_list_comes_in_pieces),
		cmocka_unit_test(many_commands_at_once_are_answered_in_pieces),
		cmocka_unit_test(ids_that_no_reply_may_have_are_refused),
		cmocka_unit_test(a_service_that_stops_says_so_but_not_within_a_message),
		cmocka_unit_test(an_answer_that_comes_too_late_changes_nothing),
	};
	struct CMUnitTest tests[LENGTH(scripts) + LENGTH(more)];

	for (size_t i = 0; i < LENGTH(scripts); i++)
		tests[i] = (struct CMUnitTest){
			.name = scripts[i].title,
			.test_func = conversation,
			.initial_state = (void *)(uintptr_t)&scripts[i],
		};
	memcpy(tests + LENGTH(scripts), more, sizeof(more));
	return cmocka_run_group_tests_name("pop3 server", tests, NULL, NULL);
}
