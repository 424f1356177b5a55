#include <assert.h>
#include <stdio.h>

#include "smtp/client_state.h"

void client_fail(struct smtp_client *client, const char *what)
{
	if (client->failure.kind == ERR_NONE)
		err_temporary(&client->failure, "4.4.2", "%s", what);
	buf_reset(&client->commands);
}

static enum smtp_verdict verdict_of(unsigned code)
{
	if (code / 100 == 2)
		return SMTP_ACCEPTED;
	return code / 100 == 5 ? SMTP_PERMANENT : SMTP_TEMPORARY;
}

/* The RCPT's own refusal stands; else what came later decides. */
static void judge(const struct transaction *transaction,
		  struct smtp_client_answer *answer)
{
	bool taken = transaction->body.code / 100 == 2;

	if (answer->verdict != SMTP_ACCEPTED &&
	    (taken || transaction->mail.code / 100 == 2))
		return;
	if (transaction->mail.code / 100 != 2 && !taken) {
		answer->stage = SMTP_AT_MAIL;
		answer->reply = transaction->mail;
	} else if (transaction->body.code) {
		answer->stage = SMTP_AT_BODY;
		answer->reply = transaction->body;
	} else {
		answer->stage = SMTP_AT_DATA;
		answer->reply = transaction->data;
	}
	answer->verdict = verdict_of(answer->reply.code);
}

/* Takes the first transaction off the list: its result is known. */
static void conclude(struct smtp_client *client, struct transaction *transaction)
{
	struct smtp_client_result *result = transaction->result;

	assert(transaction == client->first);
	for (size_t i = 0; i < result->count; i++)
		judge(transaction, &result->answers[i]);
	/* A second sender refused because an earlier transaction is still open there is
	 * about the conversation, not about this message. */
	result->again = transaction->mail.code == 503 &&
			transaction->body.code / 100 != 2 && client->started;
	for (size_t i = 0; result->again && i < result->count; i++)
		result->answers[i].verdict = SMTP_TEMPORARY;
	/* Some (Exim) keep the sender when BDAT found all recipients refused. */
	client->transaction_open =
		result->again ||
		(transaction->mail.code / 100 == 2 &&
		 (!transaction->body.code ||
		  (!transaction->accepted && transaction->body.code / 100 != 2)));
	client->started = true;
	client->first = transaction->next;
	if (!client->first)
		client->last = NULL;
	transaction->next = NULL;
	*client->done_end = transaction;
	client->done_end = &transaction->next;
}

static bool is_settled(const struct smtp_client *client,
		       const struct transaction *transaction)
{
	return transaction->written && transaction->answered == transaction->asked &&
	       transaction == client->first;
}

/* 421: it closes. What it still answers counts; nothing more is written. */
static void note_closing(struct smtp_client *client,
			 const struct smtp_client_reply *reply)
{
	char text[SMTP_REPLY_TEXT_MAX + 40];

	client->closed = true;
	snprintf(text, sizeof(text), "the server closes: 421 %s", reply->text);
	client_fail(client, text);
}

/* Nothing is awaited, or an answer to a body that is still being written. */
static void on_unasked(struct smtp_client *client, const struct smtp_client_reply *reply)
{
	struct transaction *transaction = client->first;

	if (transaction && transaction->body_wanted && transaction == client->last &&
	    transaction->answered == transaction->asked && reply->code >= 400 &&
	    reply->code != 421) {
		transaction->body = *reply;
		conclude(client, transaction);
		client_fail(client, "the server answered before the message was sent");
		client->over = true;
		return;
	}
	if (reply->code == 421) {
		note_closing(client, reply);
	} else {
		char text[SMTP_REPLY_TEXT_MAX + 40];

		snprintf(text, sizeof(text), "unexpected reply: %u %s", reply->code,
			 reply->text);
		client_fail(client, text);
	}
	client->over = true;
}

static void note_answer(struct smtp_client *client, struct transaction *transaction,
			const struct smtp_client_reply *reply)
{
	size_t place = transaction->answered++;

	if (place < mail_place(transaction))
		return; /* RSET: whatever it says, MAIL's reply tells more */
	if (place == mail_place(transaction)) {
		transaction->mail = *reply;
	} else if (place < rcpt_end(transaction)) {
		size_t i = place - mail_place(transaction) - 1;
		struct smtp_client_answer *answer = &transaction->result->answers[i];

		answer->verdict = verdict_of(reply->code);
		answer->stage = SMTP_AT_RCPT;
		answer->reply = *reply;
		transaction->accepted += answer->verdict == SMTP_ACCEPTED;
	} else if (place < body_place(client, transaction)) {
		transaction->data = *reply;
	} else {
		transaction->body = *reply;
	}
}

/* 354 belongs to DATA, 2xx to everything else; 4xx and 5xx to all. */
static bool makes_sense(const struct smtp_client *client,
			const struct transaction *transaction,
			const struct smtp_client_reply *reply)
{
	bool data =
		client->way != CHUNKED && transaction->answered == rcpt_end(transaction);

	return reply->code >= 400 || reply->code / 100 == (data ? 3 : 2);
}

/* The transaction that the next reply is for. */
static struct transaction *awaited(const struct smtp_client *client)
{
	struct transaction *transaction = client->first;

	while (transaction && transaction->answered == transaction->asked)
		transaction = transaction->next;
	return transaction;
}

static void on_reply(struct smtp_client *client, const struct smtp_client_reply *reply)
{
	struct transaction *transaction = awaited(client);

	if (!transaction || !makes_sense(client, transaction, reply)) {
		on_unasked(client, reply);
		return;
	}
	note_answer(client, transaction, reply);
	if (reply->code == 421)
		note_closing(client, reply);
	/* Writes on first: it may find that there is nothing to send any more. */
	client_advance(client);
	while (client->first && is_settled(client, client->first))
		conclude(client, client->first);
}

bool smtp_client_feed(struct smtp_client *client, struct span bytes)
{
	while (bytes.len && !client->over) {
		struct smtp_client_reply reply;

		switch (smtp_reply_read(&client->reader, &bytes, &reply)) {
		case SMTP_REPLY_MORE:
			return true;
		case SMTP_REPLY_BROKEN:
			client_fail(client, "what the server says is not SMTP");
			client->over = true;
			break;
		case SMTP_REPLY_WHOLE:
			on_reply(client, &reply);
			break;
		}
	}
	return !client->over && (!client->closed || awaited(client));
}
