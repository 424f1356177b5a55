/* The protocol that a session speaks: SMTP (smtp/server.h), QMTP or QMQP (qmtp/server.h),
 * behind one set of verbs, which mean what they mean there. */
#ifndef SMTPD_ENGINE_H
#define SMTPD_ENGINE_H

#include <stdbool.h>

#include "smtp/server.h"

struct engine;

/* The service's name in control/listen says which. */
bool engine_is_qmtp_service(const char *service);
struct engine *engine_new(const char *service, const struct smtp_policy *policy);
void engine_free(struct engine *engine); /* NULL does nothing */

const struct smtp_event *engine_next(struct engine *engine, struct buf *input);
void engine_answer(struct engine *engine, const struct smtp_verdict *verdict);
void engine_spoil(struct engine *engine, const struct smtp_verdict *verdict);
void engine_expel(struct engine *engine, const char *status, const char *text);
struct buf *engine_output(struct engine *engine);
const char *engine_helo(const struct engine *engine);
const char *engine_protocol(const struct engine *engine);

#endif
