/*
 * A session's message on its way to lontar-deliver (ipc/intake.h): one question for each
 * of the engine's, and the bytes into the draft.
 */
#ifndef SMTPD_MAIL_H
#define SMTPD_MAIL_H

#include "base/span.h"
#include "ipc/intake.h"
#include "programs/lontar-smtpd/session.h"

/* Each is answered later, by mail_on_... and through session_answer; where it cannot be
 * asked, the answer comes at once and the result is false. */
bool mail_ask_recipient(struct session *session, const struct smtp_event *event);
/* For a message that comes before its recipients. */
void mail_ask_scratch(struct session *session, uint64_t size);
void mail_ask_draft(struct session *session, uint64_t size);
void mail_ask_commit(struct session *session, const struct smtp_event *event);

void mail_append(struct session *session, struct span body);
/* Forgets the message, here and there. */
void mail_reset(struct session *session);
bool mail_is_committing(const struct session *session);

/* What lontar-deliver says; takes the descriptor. */
void mail_on_open(struct session *session, int draft_fd);
void mail_on_verdict(struct session *session, const struct intake_verdict *verdict);

#endif
