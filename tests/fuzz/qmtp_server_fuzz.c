/* A hostile client against the QMTP and QMQP server engine: what is committed is what
 * came as body, nobody is taken twice, every question is answered once, memory stays
 * bounded. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "qmtp/server.h"

struct run {
	struct qmtp_server *server;
	uint64_t bytes, lines;
	bool scratch, draft, closed;
};

static void answer(struct run *run, unsigned choice)
{
	static const struct smtp_verdict verdicts[] = {
		{ SMTP_YES, NULL, NULL },
		{ SMTP_LATER, "4.3.0", "later\nor so" },
		{ SMTP_NO, "5.1.1", NULL },
		{ SMTP_YES, "", "ok" },
	};

	qmtp_server_answer(run->server, &verdicts[choice & 3]);
}

static void forget(struct run *run)
{
	run->scratch = run->draft = false;
	run->bytes = run->lines = 0;
}

static void on_event(struct run *run, const struct smtp_event *event, unsigned choice)
{
	switch ((int)event->kind) {
	case SMTP_ASK_SCRATCH:
		assert(!run->scratch);
		run->scratch = true;
		answer(run, choice);
		break;
	case SMTP_BODY:
		assert(run->scratch && event->body.len);
		run->bytes += event->body.len;
		for (size_t i = 0; i < event->body.len; i++)
			run->lines += event->body.at[i] == '\n';
		break;
	case SMTP_ASK_RECIPIENT:
		assert(event->sender && event->recipient);
		answer(run, choice >> 2);
		break;
	case SMTP_ASK_DRAFT:
		assert(!run->draft);
		run->draft = true;
		answer(run, choice >> 4);
		break;
	case SMTP_ASK_COMMIT:
		assert(run->draft && event->bytes == run->bytes &&
		       event->lines == run->lines);
		forget(run);
		answer(run, choice >> 6);
		break;
	case SMTP_RESET:
		forget(run);
		break;
	case SMTP_CLOSE:
		run->closed = true;
		break;
	default:
		assert(!"no such event");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF input = BUF_INIT((size_t)1 << 20);
	struct run run = { 0 };
	size_t at = 2;

	if (size < 2)
		return 0;
	run.server = qmtp_server_new(&(struct qmtp_policy){
		.is_qmqp = data[0] & 1, .databytes = data[0] & 2 ? 100 : 0 });
	while (at < size && !run.closed) {
		size_t piece = 1 + data[at] % 64;
		const struct smtp_event *event;

		if (piece > size - at)
			piece = size - at;
		if (!buf_append(&input, data + at, piece))
			break;
		at += piece;
		while (!run.closed &&
		       (event = qmtp_server_next(run.server, &input))->kind !=
			       SMTP_NEEDS_INPUT)
			on_event(&run, event, data[1]);
	}
	qmtp_server_free(run.server);
	return 0;
}
