#include "send/delivery_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "mail/address.h"

#define DELIVERIES_PER_PROCESS 100000

static uint64_t number_of(uint64_t n)
{
	return (uint64_t)getpid() * DELIVERIES_PER_PROCESS + n;
}

/* As far as this flush knows: qmail's tools draw it. */
static void log_status(const struct outbound *outbound)
{
	log_info("status: local 0/%" PRIu64 " remote %" PRIu64 "/%" PRIu64,
		 outbound->settings.concurrencylocal, outbound->counters.under_way,
		 outbound->settings.concurrencyremote);
}

void delivery_log_begin(struct outbound *outbound, struct outgoing *message)
{
	message->first_delivery = outbound->counters.deliveries + 1;
	outbound->counters.deliveries += message->count;
	for (size_t i = 0; i < message->count; i++) {
		char token[ADDRESS_MAX];

		outbound->counters.under_way++;
		log_info("starting delivery %" PRIu64 ": msg %" PRIu64 " to remote %s",
			 number_of(message->first_delivery + i), message->inode,
			 log_token(message->recipients[i], token, sizeof(token)));
		log_status(outbound);
	}
}

const char *delivery_log_reply(const struct smtp_client_answer *answer,
			       char out[DELIVERY_REPLY_MAX])
{
	if (answer->reply.code)
		snprintf(out, DELIVERY_REPLY_MAX, "%u %s", answer->reply.code,
			 answer->reply.text);
	else
		snprintf(out, DELIVERY_REPLY_MAX, "%s", answer->reply.text);
	return out;
}

void delivery_log_end(struct outbound *outbound, const struct outgoing *message, size_t i,
		      const struct smtp_client_answer *answer)
{
	static const struct {
		const char *report, *words;
	} verdicts[] = {
		[SMTP_TEMPORARY] = { "deferral", "does not take it now" },
		[SMTP_ACCEPTED] = { "success", "accepted message" },
		[SMTP_PERMANENT] = { "failure", "does not like recipient" },
	};
	char text[DELIVERY_REPLY_MAX + 300], token[sizeof(text)];
	char reply[DELIVERY_REPLY_MAX];

	delivery_log_reply(answer, reply);
	if (answer->reply.code)
		snprintf(text, sizeof(text), "%s %s.\nRemote host said: %s\n",
			 outbound->smarthost.host, verdicts[answer->verdict].words,
			 reply);
	else
		snprintf(text, sizeof(text), "%s (#%s)\n", reply, answer->reply.status);
	log_info("delivery %" PRIu64 ": %s: %s", number_of(message->first_delivery + i),
		 verdicts[answer->verdict].report, log_token(text, token, sizeof(token)));
	outbound->counters.under_way--;
	log_status(outbound);
}
