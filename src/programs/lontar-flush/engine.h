/* The protocol that a connection speaks: SMTP (smtp/client.h) or QMTP (qmtp/client.h),
 * behind one set of verbs, which mean what they mean there. */
#ifndef LONTAR_FLUSH_ENGINE_H
#define LONTAR_FLUSH_ENGINE_H

#include <stdbool.h>

#include "smtp/client.h"

struct engine;
struct engine *engine_new_smtp(const struct smtp_offer *offer);
struct engine *engine_new_qmtp(void);
void engine_free(struct engine *engine); /* NULL does nothing */

/* What is said before hanging up in order; "" for nothing. */
const char *engine_farewell(const struct engine *engine);
void engine_set_window(struct engine *engine, size_t messages, uint64_t bytes);
bool engine_may_start(const struct engine *engine, uint64_t wire_bytes);
void engine_start(struct engine *engine, const struct smtp_client_message *message);
struct buf *engine_commands(struct engine *engine);
void *engine_body(const struct engine *engine, bool *dots_out);
void engine_body_done(struct engine *engine);
bool engine_feed(struct engine *engine, struct span bytes);
const struct err *engine_failure(const struct engine *engine);
bool engine_was_closed(const struct engine *engine);
struct smtp_client_result *engine_take(struct engine *engine);

#endif
