#include "pop3/server.h"

#include <stdlib.h>

#include "pop3/conversation.h"

#define OUTPUT_MAX ((size_t)256 * 1024)
#define PIECE \
	((size_t)16 * 1024) /* of a long reply, before the client's turn to take it */
#define REJECTED_MAX 3

void pop3_say(struct pop3_server *server, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	pop3_must(buf_appendv(&server->out, fmt, args));
	va_end(args);
	pop3_must(buf_append_text(&server->out, "\r\n"));
}

void pop3_say_error(struct pop3_server *server, struct span text)
{
	pop3_must(buf_append_text(&server->out, "-ERR "));
	if (text.len > POP3_LINE_MAX - 7)
		text.len = POP3_LINE_MAX - 7;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.at[i];
		bool control = byte < ' ' || byte == 0x7f;

		pop3_must(buf_append(&server->out, control ? "?" : &text.at[i], 1));
	}
	pop3_must(buf_append_text(&server->out, "\r\n"));
}

enum pop3_event pop3_end(struct pop3_server *server)
{
	server->state = POP3_STATE_ENDED;
	server->task = POP3_TASK_COMMANDS;
	return POP3_CLOSE;
}

void pop3_forget_login(struct pop3_server *server)
{
	explicit_bzero(server->password.data, server->password.len);
	buf_reset(&server->password);
	buf_reset(&server->user);
}

void pop3_say_message(struct pop3_server *server, const char *before)
{
	size_t i = server->message;

	if (server->list_uids) {
		struct span uid = pop3_messages_uid(&server->messages, i);

		pop3_say(server, "%s%zu %.*s", before, i + 1, SPAN_ARG(uid));
	} else {
		pop3_say(server, "%s%zu %llu", before, i + 1,
			 (unsigned long long)server->messages.all[i].octets);
	}
}

static void list_on(struct pop3_server *server)
{
	const struct pop3_messages *messages = &server->messages;

	for (; server->message < messages->count; server->message++) {
		if (server->out.len >= PIECE)
			return;
		if (!messages->all[server->message].marked)
			pop3_say_message(server, "");
	}
	pop3_say(server, ".");
	server->task = POP3_TASK_COMMANDS;
}

/* The next command's line without its end, off the input. */
static bool take_line(struct span *input, struct span *line_out)
{
	const char *end = input->len ? memchr(input->at, '\n', input->len) : NULL;

	if (!end)
		return false;
	line_out->at = input->at;
	line_out->len = (size_t)(end - input->at);
	*input = span_after(*input, line_out->len + 1);
	if (line_out->len && line_out->at[line_out->len - 1] == '\r')
		line_out->len--;
	return true;
}

static enum pop3_event next_command(struct pop3_server *server, struct span *input)
{
	struct span line = { NULL, 0 };

	if (!take_line(input, &line) && input->len <= POP3_LINE_MAX)
		return POP3_WAIT;
	if (!line.at || line.len > POP3_LINE_MAX) {
		/* Who sends this speaks something else; the rest is not worth reading. */
		pop3_say(server, "-ERR line too long, goodbye");
		return pop3_end(server);
	}
	return pop3_obey(server, line);
}

enum pop3_event pop3_server_next(struct pop3_server *server, struct span *input)
{
	for (;;) {
		size_t before = input->len;
		enum pop3_event event;

		if (server->state == POP3_STATE_ENDED)
			return POP3_CLOSE;
		switch (server->task) {
		case POP3_TASK_ANSWER:
			return POP3_WAIT;
		case POP3_TASK_BODY:
			return POP3_READ;
		case POP3_TASK_LIST:
			list_on(server);
			return POP3_OUTPUT;
		case POP3_TASK_COMMANDS:
			if (server->out.len >= PIECE)
				return POP3_OUTPUT;
			event = next_command(server, input);
			if (event != POP3_WAIT || input->len == before)
				return event;
		}
	}
}

struct pop3_server *pop3_server_new(const struct pop3_policy *policy, struct span host)
{
	struct pop3_server *server = must_alloc(sizeof(*server));

	*server = (struct pop3_server){ .policy = *policy,
					.out = BUF_INIT(OUTPUT_MAX),
					.user = BUF_INIT(POP3_LINE_MAX),
					.password = BUF_INIT(POP3_LINE_MAX) };
	pop3_messages_init(&server->messages);
	if (host.len > 255)
		host.len = 255;
	pop3_say(server, "+OK %.*s POP3", SPAN_ARG(host));
	return server;
}

void pop3_server_free(struct pop3_server *server)
{
	if (!server)
		return;
	pop3_forget_login(server);
	buf_clear(&server->out);
	buf_clear(&server->user);
	buf_clear(&server->password);
	pop3_messages_clear(&server->messages);
	free(server);
}

struct buf *pop3_server_output(struct pop3_server *server)
{
	return &server->out;
}

/* Is this the answer that is owed? After pop3_server_stop none is. */
static bool settle(struct pop3_server *server, enum pop3_event asked)
{
	if (server->task != POP3_TASK_ANSWER || server->asked != asked)
		return false;
	server->task = POP3_TASK_COMMANDS;
	return true;
}

struct span pop3_server_user(const struct pop3_server *server)
{
	return buf_span(&server->user);
}

struct span pop3_server_password(const struct pop3_server *server)
{
	return buf_span(&server->password);
}

bool pop3_server_add(struct pop3_server *server, uint64_t octets, struct span uid)
{
	return pop3_messages_add(&server->messages, octets, uid);
}

void pop3_server_admit(struct pop3_server *server)
{
	if (!settle(server, POP3_LOGIN))
		return;
	pop3_forget_login(server);
	server->state = POP3_STATE_OPEN;
	pop3_say(server, "+OK %zu messages", server->messages.count);
}

void pop3_server_reject(struct pop3_server *server, struct span text)
{
	if (!settle(server, POP3_LOGIN))
		return;
	pop3_forget_login(server);
	pop3_messages_clear(&server->messages);
	server->state = POP3_STATE_GREETED;
	pop3_say_error(server, text);
	if (++server->rejected == REJECTED_MAX)
		pop3_end(server);
}

void pop3_server_secured(struct pop3_server *server)
{
	if (!settle(server, POP3_START_TLS))
		return;
	pop3_forget_login(server);
	server->policy.secure = true;
	server->state = POP3_STATE_GREETED;
}

size_t pop3_server_message(const struct pop3_server *server)
{
	return server->message;
}

void pop3_server_opened(struct pop3_server *server)
{
	if (!settle(server, POP3_OPEN))
		return;
	server->task = POP3_TASK_BODY;
	server->encoder = (struct wire_encoder){ .stuff_dots = true };
	if (server->whole)
		pop3_say(
			server, "+OK %llu octets",
			(unsigned long long)server->messages.all[server->message].octets);
	else
		pop3_say(server, "+OK the top of it");
}

void pop3_server_missing(struct pop3_server *server, struct span text)
{
	if (settle(server, POP3_OPEN))
		pop3_say_error(server, text);
}

void pop3_server_body(struct pop3_server *server, struct span stored)
{
	size_t before = server->out.len;
	bool last = stored.len == 0;

	if (server->task != POP3_TASK_BODY)
		return;
	if (!server->whole) {
		stored = top_take(&server->top, stored);
		last |= server->top.done;
	}
	pop3_must(wire_encode(&server->encoder, stored, &server->out));
	if (last)
		pop3_must(wire_finish(&server->encoder, &server->out));
	server->tally.octets += server->out.len - before;
	if (!last)
		return;
	server->tally.retrieved += server->whole;
	server->task = POP3_TASK_COMMANDS;
	pop3_say(server, ".");
}

size_t pop3_server_count(const struct pop3_server *server)
{
	return server->messages.count;
}

bool pop3_server_is_marked(const struct pop3_server *server, size_t message)
{
	return server->messages.all[message].marked;
}

void pop3_server_updated(struct pop3_server *server, bool all_removed)
{
	size_t marked = server->messages.count - server->messages.unmarked;

	if (!settle(server, POP3_UPDATE))
		return;
	if (all_removed) {
		server->tally.deleted = marked;
		pop3_say(server, "+OK goodbye");
	} else {
		/* RFC 1939 section 6 */
		pop3_say(server, "-ERR [SYS/TEMP] some deleted messages not removed");
	}
	pop3_end(server);
}

void pop3_server_stop(struct pop3_server *server, struct span text)
{
	bool within = server->task == POP3_TASK_LIST || server->task == POP3_TASK_BODY;

	if (server->state == POP3_STATE_ENDED)
		return;
	if (!within)
		pop3_say_error(server, text);
	pop3_end(server);
}

const struct pop3_tally *pop3_server_tally(const struct pop3_server *server)
{
	return &server->tally;
}
