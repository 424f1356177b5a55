#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/server_verbs.h"

/* Statuses that have a code of their own; the rest of a kind shares one. */
static const struct {
	const char *status;
	unsigned code;
} codes[] = {
	{ "4.2.2", 452 }, { "4.3.1", 452 }, { "4.5.3", 452 },
	{ "5.2.2", 552 }, { "5.3.4", 552 }, { "5.1.3", 553 },
	{ "5.1.7", 553 }, { "5.6.7", 553 }, { "5.4.6", 554 },
};

static unsigned code_of(enum smtp_verdict_kind kind, const char *status)
{
	for (size_t i = 0; i < LENGTH(codes); i++)
		if (strcmp(codes[i].status, status) == 0)
			return codes[i].code;
	return kind == SMTP_NO ? 550 : 451;
}

/* Only what fits a reply's line (RFC 5321 4.2): a text may come from anywhere. */
static void append_clean(struct buf *out, const char *text)
{
	for (; *text; text++) {
		char byte = '?';

		if (*text >= ' ' && *text < 127)
			byte = *text;
		if (!buf_append_byte(out, byte))
			abort(); /* the output is sent long before it is full */
	}
}

void smtp_reply_made(struct smtp_server *server, const struct smtp_reply *reply)
{
	if (!buf_appendf(&server->output, "%u %s%s", reply->code, reply->status,
			 reply->status[0] ? " " : ""))
		abort();
	append_clean(&server->output, reply->text);
	if (!buf_append_text(&server->output, "\r\n"))
		abort();
}

static void replyv(struct smtp_server *server, struct smtp_reply reply, const char *fmt,
		   va_list args) PRINTF(3, 0);
static void replyv(struct smtp_server *server, struct smtp_reply reply, const char *fmt,
		   va_list args)
{
	vsnprintf(reply.text, sizeof(reply.text), fmt, args);
	smtp_reply_made(server, &reply);
}

static struct smtp_reply coded(unsigned code, const char *status)
{
	struct smtp_reply reply = { .code = code };

	snprintf(reply.status, sizeof(reply.status), "%s", status);
	return reply;
}

void smtp_reply(struct smtp_server *server, unsigned code, const char *status,
		const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	replyv(server, coded(code, status), fmt, args);
	va_end(args);
}

void smtp_offence(struct smtp_server *server, unsigned code, const char *status,
		  const char *fmt, ...)
{
	va_list args;

	if (++server->offences > SERVER_OFFENCES_MAX) {
		smtp_hang_up(server, "4.7.0", "too many wrong commands");
		return;
	}
	va_start(args, fmt);
	replyv(server, coded(code, status), fmt, args);
	va_end(args);
}

/* A status of another class than the kind would make a reply that contradicts itself. */
struct smtp_reply smtp_reply_of(const struct smtp_verdict *verdict)
{
	bool final = verdict->kind == SMTP_NO;
	const char *status = verdict->status;
	const char *text = verdict->text;
	struct smtp_reply reply;

	if (!status || status[0] != (final ? '5' : '4') || status[1] != '.')
		status = final ? "5.0.0" : "4.3.0";
	if (!text || !text[0])
		text = final ? "refused" : "not now, please try again later";
	reply = coded(code_of(verdict->kind, status), status);
	snprintf(reply.text, sizeof(reply.text), "%s", text);
	return reply;
}

void smtp_hang_up(struct smtp_server *server, const char *status, const char *text)
{
	smtp_reply(server, 421, status, "%s %s", server->policy.me, text);
	server->state = SERVER_CLOSED;
}
