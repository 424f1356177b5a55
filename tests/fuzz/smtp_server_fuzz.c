/*
 * The whole SMTP server under hostile bytes. The first byte chooses the policy and how
 * the program answers, the second how the rest is cut into pieces. What must hold: every
 * event makes sense where it comes, and a message's bytes are as many as were handed out.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct smtp_server *server;
	struct buf input;
	unsigned answers; /* a bit for each question: refuse every other time */
	unsigned asked;
	bool draft;
	uint64_t bytes, lines;
	bool closed;
};

static void answer(struct run *run, unsigned bit)
{
	static const struct smtp_verdict verdicts[] = {
		{ SMTP_YES, "2.0.0", "\x01 fine" },
		{ SMTP_LATER, "4.3.1", "later" },
		{ SMTP_NO, "nonsense", NULL },
	};
	unsigned which = run->answers >> bit & 1 ? run->asked++ % LENGTH(verdicts) : 0;

	if (bit == 1)
		run->draft = which == 0;
	smtp_server_answer(run->server, &verdicts[which]);
}

static void on_body(struct run *run, struct span body)
{
	assert(run->draft && body.len);
	run->bytes += body.len;
	for (size_t i = 0; i < body.len; i++)
		run->lines += body.at[i] == '\n';
	if (run->answers & 0x10 && run->bytes > 40)
		smtp_server_spoil(run->server,
				  &(struct smtp_verdict){ SMTP_LATER, 0, 0 });
}

static void over(struct run *run)
{
	run->draft = false;
	run->bytes = run->lines = 0;
}

static void on_event(struct run *run, const struct smtp_event *event)
{
	switch (event->kind) {
	case SMTP_ASK_RECIPIENT:
		assert(event->sender && event->recipient[0] && !run->draft);
		answer(run, 0);
		break;
	case SMTP_ASK_DRAFT:
		assert(!run->draft);
		answer(run, 1);
		break;
	case SMTP_BODY:
		on_body(run, event->body);
		break;
	case SMTP_ASK_COMMIT:
		assert(run->draft && event->bytes == run->bytes &&
		       event->lines == run->lines);
		over(run);
		answer(run, 2);
		break;
	case SMTP_RESET:
		over(run);
		break;
	case SMTP_ASK_LOGIN:
		assert(event->user[0] && event->password);
		answer(run, 3);
		break;
	case SMTP_CLOSE:
		run->closed = true;
		break;
	case SMTP_START_TLS:
		assert(!run->input.len);
		break;
	case SMTP_ASK_SCRATCH:
		assert(!"SMTP's message comes last");
		break;
	case SMTP_NEEDS_ANSWER:
		assert(!"every question was answered");
		break;
	case SMTP_NEEDS_INPUT:
	case SMTP_OUTPUT:
		break;
	}
}

static void feed(struct run *run, struct span piece)
{
	const struct smtp_event *event;

	if (!buf_append_span(&run->input, piece))
		return;
	do {
		event = smtp_server_next(run->server, &run->input);
		buf_reset(smtp_server_output(run->server));
		on_event(run, event);
	} while (event->kind != SMTP_NEEDS_INPUT && !run->closed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_policy policy = { .me = "mx.example", .greeting = "mx.example" };
	struct run run = { .input = BUF_INIT(1 << 20) };
	struct span rest = { (const char *)data, size };
	size_t piece;

	if (size < 2)
		return 0;
	policy.login_offered = policy.tls_active = data[0] & 0x80;
	policy.tls_offered = data[0] & 0x40;
	policy.databytes = data[0] & 0x20 ? 100 : 0;
	run.answers = data[0] & 0x1f;
	piece = data[1] ? data[1] : size;
	rest = span_after(rest, 2);
	run.server = smtp_server_new(&policy);
	while (rest.len && !run.closed) {
		feed(&run, (struct span){ rest.at, piece < rest.len ? piece : rest.len });
		rest = span_after(rest, piece);
	}
	smtp_server_free(run.server);
	buf_clear(&run.input);
	return 0;
}
