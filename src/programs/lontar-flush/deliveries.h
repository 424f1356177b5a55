/* What the log says of each recipient's delivery: qmail's grammar. Every delivery that
 * begins ends, also where the connection dies first. */
#ifndef LONTAR_FLUSH_DELIVERIES_H
#define LONTAR_FLUSH_DELIVERIES_H

#include <stddef.h>

#include "programs/lontar-flush/flush.h"
#include "smtp/client.h"

/* starting delivery D: msg M to remote RECIPIENT, for each; D is unique among all flushes
 * (and mostly among lontar-deliver's). */
void deliveries_begin(struct flush *flush, struct mail *mail);

/* delivery D: success|failure|deferral: TEXT, for the i-th recipient, as qmail-remote
 * words it. */
void deliveries_end(struct flush *flush, const struct mail *mail, size_t i,
		    const struct smtp_client_answer *answer);

/* "550 5.1.1 no such user", or our own words where the server said nothing. */
#define DELIVERIES_REPLY_MAX (SMTP_REPLY_TEXT_MAX + 16)
const char *deliveries_reply(const struct smtp_client_answer *answer,
			     char out[DELIVERIES_REPLY_MAX]);

#endif
