#include "programs/lontar-flush/deliveries.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "mail/address.h"

#define DELIVERIES_A_PROCESS 100000

static uint64_t number_of(uint64_t n)
{
	return (uint64_t)getpid() * DELIVERIES_A_PROCESS + n;
}

/* As far as this flush knows: qmail's tools draw it. */
static void log_status(const struct flush *flush)
{
	log_info("status: local 0/%" PRIu64 " remote %" PRIu64 "/%" PRIu64,
		 flush->settings.concurrencylocal, flush->tally.under_way,
		 flush->settings.concurrencyremote);
}

void deliveries_begin(struct flush *flush, struct mail *mail)
{
	mail->first_delivery = flush->tally.deliveries + 1;
	flush->tally.deliveries += mail->count;
	for (size_t i = 0; i < mail->count; i++) {
		char token[ADDRESS_MAX];

		flush->tally.under_way++;
		log_info("starting delivery %" PRIu64 ": msg %" PRIu64 " to remote %s",
			 number_of(mail->first_delivery + i), mail->inode,
			 log_token(mail->recipients[i], token, sizeof(token)));
		log_status(flush);
	}
}

const char *deliveries_reply(const struct smtp_client_answer *answer,
			     char out[DELIVERIES_REPLY_MAX])
{
	if (answer->reply.code)
		snprintf(out, DELIVERIES_REPLY_MAX, "%u %s", answer->reply.code,
			 answer->reply.text);
	else
		snprintf(out, DELIVERIES_REPLY_MAX, "%s", answer->reply.text);
	return out;
}

void deliveries_end(struct flush *flush, const struct mail *mail, size_t i,
		    const struct smtp_client_answer *answer)
{
	static const struct {
		const char *report, *words;
	} verdicts[] = {
		[SMTP_TEMPORARY] = { "deferral", "does not take it now" },
		[SMTP_ACCEPTED] = { "success", "accepted message" },
		[SMTP_PERMANENT] = { "failure", "does not like recipient" },
	};
	char text[DELIVERIES_REPLY_MAX + 300], token[sizeof(text)];
	char reply[DELIVERIES_REPLY_MAX];

	deliveries_reply(answer, reply);
	if (answer->reply.code)
		snprintf(text, sizeof(text), "%s %s.\nRemote host said: %s\n",
			 flush->smarthost.host, verdicts[answer->verdict].words, reply);
	else
		snprintf(text, sizeof(text), "%s (#%s)\n", reply, answer->reply.status);
	log_info("delivery %" PRIu64 ": %s: %s", number_of(mail->first_delivery + i),
		 verdicts[answer->verdict].report, log_token(text, token, sizeof(token)));
	flush->tally.under_way--;
	log_status(flush);
}
