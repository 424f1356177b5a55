#include "programs/lontar-smtpd/mail.h"

#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "mail/address.h"

#define COPY_BYTES 65536

static void ask(const struct session *session)
{
	peer_send(session_smtpd(session)->deliver, &session->client.worker->ask, -1);
}

bool mail_ask_recipient(struct session *session, const struct smtp_event *event)
{
	static const struct smtp_verdict too_long = { SMTP_NO, "5.1.3",
						      "the address is too long" };
	AUTO_BUF recipient = BUF_INIT(ADDRESS_MAX - 1);
	bool suffixed = session->may_relay && !session->login[0];

	if (!buf_append_text(&recipient, event->recipient) ||
	    (suffixed && !buf_append_text(&recipient, session->relay_suffix))) {
		engine_answer(session->server, &too_long);
		return false;
	}
	snprintf(session->recipient, sizeof(session->recipient), "%s", recipient.data);
	if (!session->mail_tag)
		session->mail_tag = client_tag(&session->client);
	intake_rcpt_put(&session->client.worker->ask, session->mail_tag,
			&(struct intake_rcpt){ .may_relay = event->may_relay,
					       .sender = span_of(event->sender),
					       .recipient = buf_span(&recipient) });
	ask(session);
	return true;
}

void mail_ask_scratch(struct session *session, uint64_t size)
{
	if (!session->mail_tag)
		session->mail_tag = client_tag(&session->client);
	session->wants_scratch = true;
	intake_scratch_put(&session->client.worker->ask, session->mail_tag,
			   &(struct intake_scratch){ .size = size });
	ask(session);
}

/* What came through no network says nothing about one. */
void mail_ask_draft(struct session *session, uint64_t size)
{
	struct intake_draft draft = { .size = size,
				      .login = span_of(session->login),
				      .session = span_of(session->client.id) };

	if (session->client.ip[0]) {
		draft.protocol = span_of(engine_protocol(session->server));
		draft.helo = span_of(engine_helo(session->server));
		draft.remote_ip = span_of(session->client.ip);
	}
	intake_draft_put(&session->client.worker->ask, session->mail_tag, &draft);
	ask(session);
}

static void spoil(struct session *session, struct err *err)
{
	err_context(err, "session %s: draft", session->client.id);
	log_failure(err);
	engine_spoil(session->server,
		     &(struct smtp_verdict){ SMTP_LATER, "4.3.1",
					     "the message cannot be kept now, "
					     "try again later" });
}

void mail_append(struct session *session, struct span body)
{
	int *place = session->draft_fd >= 0 ? &session->draft_fd : &session->scratch_fd;
	struct err err = { 0 };

	if (*place >= 0 && file_write(*place, body.at, body.len, &err))
		return;
	if (*place < 0)
		err_temporary(&err, "4.3.0", "there is none");
	file_close(place);
	spoil(session, &err);
}

/* A message that came before its envelope goes behind it. */
static void copy_scratch(struct session *session)
{
	static char piece[COPY_BYTES];
	struct err err = { 0 };
	off_t at = 0;
	ssize_t got;

	while ((got = pread(session->scratch_fd, piece, sizeof(piece), at)) > 0) {
		if (!file_write(session->draft_fd, piece, (size_t)got, &err))
			break;
		at += got;
	}
	if (got < 0)
		err_errno(&err, "read the message back");
	file_close(&session->scratch_fd);
	if (err.kind != ERR_NONE)
		spoil(session, &err);
}

void mail_ask_commit(struct session *session, const struct smtp_event *event)
{
	/* lontar-deliver makes sure that no writer is left. */
	file_close(&session->draft_fd);
	session->committing = true;
	session->bytes = event->bytes;
	intake_commit_put(&session->client.worker->ask, session->mail_tag,
			  &(struct intake_commit){ .bytes = event->bytes,
						   .lines = event->lines,
						   .unended = event->unended });
	ask(session);
}

void mail_reset(struct session *session)
{
	file_close(&session->draft_fd);
	file_close(&session->scratch_fd);
	session->wants_scratch = false;
	if (session->mail_tag && session_smtpd(session)->deliver) {
		packet_begin(&session->client.worker->ask, INTAKE_RESET,
			     session->mail_tag);
		ask(session);
	}
	session->mail_tag = 0;
	session->committing = false;
}

bool mail_is_committing(const struct session *session)
{
	return session->committing;
}

void mail_on_open(struct session *session, int draft_fd)
{
	int *place = session->wants_scratch ? &session->scratch_fd : &session->draft_fd;

	file_close(place);
	*place = draft_fd;
	if (!session->wants_scratch && session->scratch_fd >= 0)
		copy_scratch(session);
	session->wants_scratch = false;
	session_answer(session, &(struct smtp_verdict){ SMTP_YES, NULL, NULL });
}

static void log_refusal(const struct session *session, const struct smtp_verdict *verdict)
{
	bool recipient =
		session->draft_fd < 0 && !session->committing && !session->wants_scratch;

	log_info("smtp refused session=%s ip=%s %s%s status=%s text=%s",
		 session->client.id, session->client.ip[0] ? session->client.ip : "-",
		 recipient ? "recipient=" : "message",
		 recipient ? session->recipient : "", verdict->status, verdict->text);
}

static void note_commit(struct session *session, bool taken)
{
	session->committing = false;
	session->mail_tag = 0; /* a verdict on COMMIT ends it there too */
	if (taken) {
		session->messages++;
		session->messages_bytes += session->bytes;
	}
}

void mail_on_verdict(struct session *session, const struct intake_verdict *told)
{
	char status[12] = "", text[400] = "";
	struct smtp_verdict verdict = { SMTP_LATER, status, text };

	/* What does not fit is left out: the kind is what matters. */
	if (!packet_text_copy(told->status, status, sizeof(status)))
		status[0] = '\0';
	if (!packet_text_copy(told->text, text, sizeof(text)))
		text[0] = '\0';
	if (told->kind == INTAKE_YES)
		verdict.kind = SMTP_YES;
	else if (told->kind == INTAKE_NO)
		verdict.kind = SMTP_NO;
	if (verdict.kind != SMTP_YES)
		log_refusal(session, &verdict);
	session->wants_scratch = false;
	if (session->committing)
		note_commit(session, verdict.kind == SMTP_YES);
	session_answer(session, &verdict);
}
