/* What the log says of each recipient's delivery, in qmail's grammar
 * (reference/qmail-family 5.6). Every delivery that begins ends, also if the connection
 * dies first. */
#ifndef SEND_DELIVERY_LOG_H
#define SEND_DELIVERY_LOG_H

#include <stddef.h>

#include "send/outbound.h"
#include "send/outgoing.h"
#include "smtp/client.h"

/* "starting delivery D: msg M to remote RECIPIENT", for each recipient. D is unique among
 * all flushes, and differs from the numbers that lontar-deliver and lontar-dispatch give
 * unless their process ids are equal. */
void delivery_log_begin(struct outbound *outbound, struct outgoing *message);

/* "delivery D: success|failure|deferral: TEXT", for the i-th recipient, as qmail-remote
 * words it. */
void delivery_log_end(struct outbound *outbound, const struct outgoing *message, size_t i,
		      const struct smtp_client_answer *answer);

/* "550 5.1.1 no such user"; if the server said nothing, our own words. Returns out. */
#define DELIVERY_REPLY_MAX (SMTP_REPLY_TEXT_MAX + 16)
const char *delivery_log_reply(const struct smtp_client_answer *answer,
			       char out[DELIVERY_REPLY_MAX]);

#endif
