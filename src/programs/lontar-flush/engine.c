#include "programs/lontar-flush/engine.h"

#include <stdlib.h>

#include "qmtp/client.h"

struct engine { /* one of the two */
	struct smtp_client *smtp;
	struct qmtp_client *qmtp;
};

struct engine *engine_new_smtp(const struct smtp_offer *offer)
{
	struct engine *engine = must_alloc(sizeof(*engine));

	engine->smtp = smtp_client_new(offer);
	return engine;
}

struct engine *engine_new_qmtp(void)
{
	struct engine *engine = must_alloc(sizeof(*engine));

	engine->qmtp = qmtp_client_new();
	return engine;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	smtp_client_free(engine->smtp);
	qmtp_client_free(engine->qmtp);
	free(engine);
}

const char *engine_farewell(const struct engine *engine)
{
	return engine->qmtp ? "" : "QUIT\r\n";
}

void engine_set_window(struct engine *engine, size_t messages, uint64_t bytes)
{
	if (engine->qmtp)
		qmtp_client_set_window(engine->qmtp, messages, bytes);
	else
		smtp_client_set_window(engine->smtp, messages, bytes);
}

bool engine_may_start(const struct engine *engine, uint64_t wire_bytes)
{
	return engine->qmtp ? qmtp_client_may_start(engine->qmtp, wire_bytes)
			    : smtp_client_may_start(engine->smtp, wire_bytes);
}

void engine_start(struct engine *engine, const struct smtp_client_message *message)
{
	if (engine->qmtp)
		qmtp_client_start(engine->qmtp, message);
	else
		smtp_client_start(engine->smtp, message);
}

struct buf *engine_commands(struct engine *engine)
{
	return engine->qmtp ? qmtp_client_commands(engine->qmtp)
			    : smtp_client_commands(engine->smtp);
}

void *engine_body(const struct engine *engine, bool *dots_out)
{
	*dots_out = false;
	return engine->qmtp ? qmtp_client_body(engine->qmtp)
			    : smtp_client_body(engine->smtp, dots_out);
}

void engine_body_done(struct engine *engine)
{
	if (engine->qmtp)
		qmtp_client_body_done(engine->qmtp);
	else
		smtp_client_body_done(engine->smtp);
}

bool engine_feed(struct engine *engine, struct span bytes)
{
	return engine->qmtp ? qmtp_client_feed(engine->qmtp, bytes)
			    : smtp_client_feed(engine->smtp, bytes);
}

const struct err *engine_failure(const struct engine *engine)
{
	return engine->qmtp ? qmtp_client_failure(engine->qmtp)
			    : smtp_client_failure(engine->smtp);
}

bool engine_was_closed(const struct engine *engine)
{
	return engine->smtp && smtp_client_was_closed(engine->smtp);
}

struct smtp_client_result *engine_take(struct engine *engine)
{
	return engine->qmtp ? qmtp_client_take(engine->qmtp)
			    : smtp_client_take(engine->smtp);
}
