#include "programs/lontar-smtpd/engine.h"

#include <stdlib.h>

#include "qmtp/server.h"

struct engine { /* one of the two */
	struct smtp_server *smtp;
	struct qmtp_server *qmtp;
	bool is_qmqp;
};

bool engine_is_qmtp_service(const char *service)
{
	return strcmp(service, "qmtp") == 0 || strcmp(service, "qmqp") == 0;
}

struct engine *engine_new(const char *service, const struct smtp_policy *policy)
{
	struct engine *engine = must_alloc(sizeof(*engine));

	*engine = (struct engine){ .is_qmqp = strcmp(service, "qmqp") == 0 };
	if (engine_is_qmtp_service(service))
		engine->qmtp = qmtp_server_new(
			&(struct qmtp_policy){ .is_qmqp = engine->is_qmqp,
					       .may_relay = policy->may_relay,
					       .databytes = policy->databytes });
	else
		engine->smtp = smtp_server_new(policy);
	return engine;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	smtp_server_free(engine->smtp);
	qmtp_server_free(engine->qmtp);
	free(engine);
}

const struct smtp_event *engine_next(struct engine *engine, struct buf *input)
{
	return engine->qmtp ? qmtp_server_next(engine->qmtp, input)
			    : smtp_server_next(engine->smtp, input);
}

void engine_answer(struct engine *engine, const struct smtp_verdict *verdict)
{
	if (engine->qmtp)
		qmtp_server_answer(engine->qmtp, verdict);
	else
		smtp_server_answer(engine->smtp, verdict);
}

void engine_spoil(struct engine *engine, const struct smtp_verdict *verdict)
{
	if (engine->qmtp)
		qmtp_server_spoil(engine->qmtp, verdict);
	else
		smtp_server_spoil(engine->smtp, verdict);
}

void engine_expel(struct engine *engine, const char *status, const char *text)
{
	if (engine->qmtp)
		qmtp_server_expel(engine->qmtp);
	else
		smtp_server_expel(engine->smtp, status, text);
}

struct buf *engine_output(struct engine *engine)
{
	return engine->qmtp ? qmtp_server_output(engine->qmtp)
			    : smtp_server_output(engine->smtp);
}

const char *engine_helo(const struct engine *engine)
{
	return engine->qmtp ? "" : smtp_server_helo(engine->smtp);
}

const char *engine_protocol(const struct engine *engine)
{
	if (engine->qmtp)
		return engine->is_qmqp ? "QMQP" : "QMTP";
	return smtp_server_protocol(engine->smtp);
}
