/* The protocol that a connection speaks: SMTP (smtp/client.h) or QMTP (qmtp/client.h),
 * behind one set of verbs, which mean what they mean there. */
#ifndef SEND_PROTOCOL_H
#define SEND_PROTOCOL_H

#include <stdbool.h>

#include "smtp/client.h"

struct protocol;
struct protocol *protocol_new_smtp(const struct smtp_offer *offer);
struct protocol *protocol_new_qmtp(void);
void protocol_free(struct protocol *protocol); /* NULL does nothing */

/* What is said before hanging up in order; "" for nothing. */
const char *protocol_farewell(const struct protocol *protocol);
void protocol_set_window(struct protocol *protocol, size_t messages, uint64_t bytes);
bool protocol_may_start(const struct protocol *protocol, uint64_t wire_bytes);
void protocol_start(struct protocol *protocol, const struct smtp_client_message *message);
struct buf *protocol_commands(struct protocol *protocol);
void *protocol_body(const struct protocol *protocol, bool *dots_out);
void protocol_body_done(struct protocol *protocol);
bool protocol_feed(struct protocol *protocol, struct span bytes);
const struct err *protocol_failure(const struct protocol *protocol);
bool protocol_was_closed(const struct protocol *protocol);
void protocol_abandon(struct protocol *protocol, enum smtp_client_end how);
struct smtp_client_wait protocol_awaits(const struct protocol *protocol);
struct smtp_client_result *protocol_take(struct protocol *protocol);

#endif
