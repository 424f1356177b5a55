#include "send/protocol.h"

#include <stdlib.h>

#include "qmtp/client.h"

struct protocol { /* one of the two */
	struct smtp_client *smtp;
	struct qmtp_client *qmtp;
	size_t pieces; /* of QMTP's answers, which have no lines */
};

struct protocol *protocol_new_smtp(const struct smtp_offer *offer)
{
	struct protocol *protocol = must_alloc(sizeof(*protocol));

	protocol->smtp = smtp_client_new(offer);
	return protocol;
}

struct protocol *protocol_new_qmtp(void)
{
	struct protocol *protocol = must_alloc(sizeof(*protocol));

	protocol->qmtp = qmtp_client_new();
	return protocol;
}

void protocol_free(struct protocol *protocol)
{
	if (!protocol)
		return;
	smtp_client_free(protocol->smtp);
	qmtp_client_free(protocol->qmtp);
	free(protocol);
}

const char *protocol_farewell(const struct protocol *protocol)
{
	return protocol->qmtp ? "" : "QUIT\r\n";
}

void protocol_set_window(struct protocol *protocol, size_t messages, uint64_t bytes)
{
	if (protocol->qmtp)
		qmtp_client_set_window(protocol->qmtp, messages, bytes);
	else
		smtp_client_set_window(protocol->smtp, messages, bytes);
}

bool protocol_may_start(const struct protocol *protocol, uint64_t wire_bytes)
{
	return protocol->qmtp ? qmtp_client_may_start(protocol->qmtp, wire_bytes)
			      : smtp_client_may_start(protocol->smtp, wire_bytes);
}

void protocol_start(struct protocol *protocol, const struct smtp_client_message *message)
{
	if (protocol->qmtp)
		qmtp_client_start(protocol->qmtp, message);
	else
		smtp_client_start(protocol->smtp, message);
}

struct buf *protocol_commands(struct protocol *protocol)
{
	return protocol->qmtp ? qmtp_client_commands(protocol->qmtp)
			      : smtp_client_commands(protocol->smtp);
}

void *protocol_body(const struct protocol *protocol, bool *dots_out)
{
	*dots_out = false;
	return protocol->qmtp ? qmtp_client_body(protocol->qmtp)
			      : smtp_client_body(protocol->smtp, dots_out);
}

void protocol_body_done(struct protocol *protocol)
{
	if (protocol->qmtp)
		qmtp_client_body_done(protocol->qmtp);
	else
		smtp_client_body_done(protocol->smtp);
}

bool protocol_feed(struct protocol *protocol, struct span bytes)
{
	protocol->pieces++;
	return protocol->qmtp ? qmtp_client_feed(protocol->qmtp, bytes)
			      : smtp_client_feed(protocol->smtp, bytes);
}

const struct err *protocol_failure(const struct protocol *protocol)
{
	return protocol->qmtp ? qmtp_client_failure(protocol->qmtp)
			      : smtp_client_failure(protocol->smtp);
}

bool protocol_was_closed(const struct protocol *protocol)
{
	return protocol->smtp && smtp_client_was_closed(protocol->smtp);
}

void protocol_abandon(struct protocol *protocol, enum smtp_client_end how)
{
	if (protocol->qmtp)
		qmtp_client_abandon(protocol->qmtp);
	else
		smtp_client_abandon(protocol->smtp, how);
}

struct smtp_client_wait protocol_awaits(const struct protocol *protocol)
{
	return protocol->smtp ? smtp_client_awaits(protocol->smtp)
			      : (struct smtp_client_wait){ .replies = protocol->pieces };
}

struct smtp_client_result *protocol_take(struct protocol *protocol)
{
	return protocol->qmtp ? qmtp_client_take(protocol->qmtp)
			      : smtp_client_take(protocol->smtp);
}
