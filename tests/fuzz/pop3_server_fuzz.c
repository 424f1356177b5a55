/*
 * The whole POP3 server under hostile bytes. The first byte chooses the policy and how
 * the program answers, the second how the rest is cut into pieces. What must hold: every
 * event makes sense where it comes, nothing is removed but after a login and at QUIT, and
 * what is said is whole lines.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "pop3/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGES 5

static const char stored[] = "A: b\n\n.dot\n\0\r\r\n..\nend";

struct run {
	struct pop3_server *server;
	struct buf input;
	unsigned answers; /* bits: refuse logins, lose messages, fail updates */
	bool admitted;
	bool secure;
	size_t offset;
	bool closed;
};

static void on_login(struct run *run)
{
	assert(!run->admitted && pop3_server_user(run->server).len);
	if (run->answers & 1) {
		pop3_server_reject(run->server, span_of("[AUTH] \r\n.\r\n"));
		return;
	}
	for (uint64_t i = 0; i < MESSAGES; i++)
		assert(pop3_server_add(run->server, i * 100000, span_of("uid.1234")));
	pop3_server_admit(run->server);
	run->admitted = true;
}

static void on_open(struct run *run)
{
	size_t message = pop3_server_message(run->server);

	assert(run->admitted && message < MESSAGES &&
	       !pop3_server_is_marked(run->server, message));
	run->offset = 0;
	if (run->answers & 2 && message % 2)
		pop3_server_missing(run->server, span_of("gone\r\n"));
	else
		pop3_server_opened(run->server);
}

static void on_read(struct run *run)
{
	struct span rest = { stored, sizeof(stored) - 1 };

	assert(run->admitted);
	rest = span_after(rest, run->offset);
	if (run->answers & 4 && rest.len > 3)
		rest.len = 3;
	run->offset += rest.len;
	pop3_server_body(run->server, rest);
}

static void on_event(struct run *run, enum pop3_event event)
{
	switch (event) {
	case POP3_LOGIN:
		on_login(run);
		break;
	case POP3_OPEN:
		on_open(run);
		break;
	case POP3_READ:
		on_read(run);
		break;
	case POP3_UPDATE:
		assert(run->admitted && pop3_server_count(run->server) == MESSAGES);
		pop3_server_updated(run->server, run->answers & 8);
		break;
	case POP3_START_TLS:
		assert(!run->secure && !run->admitted);
		run->secure = true;
		buf_reset(&run->input);
		pop3_server_secured(run->server);
		break;
	case POP3_CLOSE:
		run->closed = true;
		break;
	case POP3_WAIT:
	case POP3_OUTPUT:
		break;
	}
}

/* After every event: whole lines, but within a message. */
static void check_output(struct run *run, enum pop3_event event)
{
	struct buf *out = pop3_server_output(run->server);

	if (out->len && event != POP3_READ)
		assert(out->len >= 2 && out->data[out->len - 2] == '\r' &&
		       out->data[out->len - 1] == '\n');
	buf_reset(out);
}

static void feed(struct run *run, struct span piece)
{
	enum pop3_event event = POP3_OUTPUT;

	if (!buf_append_span(&run->input, piece))
		return;
	while (event != POP3_WAIT && !run->closed) {
		struct span rest = buf_span(&run->input);

		event = pop3_server_next(run->server, &rest);
		buf_consume(&run->input, run->input.len - rest.len);
		check_output(run, event);
		on_event(run, event);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pop3_policy policy = { 0 };
	struct run run = { .input = BUF_INIT(1 << 20) };
	struct span rest = { (const char *)data, size };
	size_t piece;

	if (size < 2)
		return 0;
	policy.secure = run.secure = data[0] & 0x80;
	policy.tls_offered = data[0] & 0x40;
	policy.plain_logins = data[0] & 0x20;
	run.answers = data[0] & 0x0f;
	piece = data[1] ? data[1] : size;
	rest = span_after(rest, 2);
	run.server = pop3_server_new(&policy, span_of("gate.example"));
	while (rest.len && !run.closed) {
		feed(&run, (struct span){ rest.at, piece < rest.len ? piece : rest.len });
		rest = span_after(rest, piece);
	}
	pop3_server_free(run.server);
	buf_clear(&run.input);
	return 0;
}
