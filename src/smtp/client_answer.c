/*
 * Replies, in the order of the commands.
 *
 * A reply has a place if it answers its command: 354 belongs to DATA, 2xx to all others,
 * 4xx and 5xx to all. A reply without a place (250 to DATA, 354 to MAIL, 050, words that
 * are not SMTP) shows that server and client no longer speak of the same command, and if
 * what follows were believed, a message could be taken for accepted by the reply to
 * another command. So nothing after such a reply counts: the conversation is over, and
 * the message that it came for is told to be unclear. What was said before counts.
 *
 * The same is true once BDAT is refused as a command: the server reads the body as
 * commands, and what it says of them is about no message.
 */
#include <stdio.h>

#include "smtp/client_state.h"

void client_fail(struct smtp_client *client, const char *what)
{
	if (client->failure.kind == ERR_NONE)
		err_temporary(&client->failure, "4.4.2", "%s", what);
	buf_reset(&client->commands);
}

static void fail_with(struct smtp_client *client, const char *what,
		      const struct smtp_client_reply *reply)
{
	char text[SMTP_REPLY_TEXT_MAX + 80];

	if (reply->code)
		snprintf(text, sizeof(text), "%s: %03u %s", what, reply->code,
			 reply->text);
	else
		snprintf(text, sizeof(text), "%s: %s", what, reply->text);
	client_fail(client, text);
}

static bool is_settled(const struct transaction *transaction)
{
	return transaction->written && transaction->answered == transaction->asked;
}

/* 421: it closes. What it still answers counts; nothing more is written. */
static void note_closing(struct smtp_client *client,
			 const struct smtp_client_reply *reply)
{
	client->closed = true;
	fail_with(client, "the server closes", reply);
}

static void note_bdat(struct smtp_client *client, const struct transaction *transaction)
{
	if (smtp_reply_is_positive(&transaction->body))
		client->bdat = BDAT_WORKED;
	else if (client->bdat == BDAT_WORKED)
		return;
	else if (client_bdat_is_unknown(client, transaction))
		client->bdat = BDAT_NO_COMMAND;
	else
		client->bdat = BDAT_REFUSED;
}

static void end_for_bdat(struct smtp_client *client,
			 const struct smtp_client_reply *reply)
{
	fail_with(client, "the server does not know BDAT", reply);
	client->over = true;
}

/* The reply to the first transaction's body. */
static void note_body(struct smtp_client *client, struct transaction *transaction,
		      const struct smtp_client_reply *reply)
{
	transaction->body = *reply;
	if (client->way != CHUNKED)
		return;
	note_bdat(client, transaction);
	if (!client_bdat_is_unknown(client, transaction))
		return;
	client_conclude(client);
	end_for_bdat(client, reply);
}

static void lose_step(struct smtp_client *client, const struct transaction *transaction,
		      const struct smtp_client_reply *reply, const char *what)
{
	client->unclear = transaction;
	client->unclear_reply = *reply;
	client->out_of_step = true;
	client->over = true;
	fail_with(client, what, reply);
}

/* Nothing is awaited, but perhaps a body is being written: a server may refuse it before
 * its end. */
static void on_unasked(struct smtp_client *client, const struct smtp_client_reply *reply)
{
	struct transaction *transaction = client->first;

	if (transaction && transaction->body_wanted && smtp_reply_is_refusal(reply)) {
		note_body(client, transaction, reply);
		if (!client->over)
			client_conclude(client);
		if (reply->code == 421)
			note_closing(client, reply);
		client_fail(client, "the server answered before the message was sent");
	} else if (reply->code == 421) {
		note_closing(client, reply);
	} else {
		lose_step(client, transaction, reply, "unexpected reply");
	}
	client->over = true;
}

static void note_answer(struct smtp_client *client, struct transaction *transaction,
			const struct smtp_client_reply *reply)
{
	size_t place = transaction->answered++;

	client->run_answered++;
	if (place < mail_place(transaction))
		return; /* RSET: whatever it says, MAIL's reply tells more */
	if (place == mail_place(transaction)) {
		transaction->mail = *reply;
	} else if (place < rcpt_end(transaction)) {
		size_t i = place - mail_place(transaction) - 1;

		transaction->result->answers[i].reply = *reply;
		transaction->accepted += smtp_reply_is_positive(reply);
	} else if (place < body_place(client, transaction)) {
		transaction->data = *reply;
	} else {
		note_body(client, transaction, reply);
	}
}

static bool has_place(const struct smtp_client *client,
		      const struct transaction *transaction,
		      const struct smtp_client_reply *reply)
{
	bool data = client_stage(client, transaction) == SMTP_AT_DATA;

	return smtp_reply_is_refusal(reply) || reply->code / 100 == (data ? 3 : 2);
}

/* A server that refused BDAT and now does not know MAIL is reading the body. */
static bool reads_body(const struct smtp_client *client,
		       const struct transaction *transaction,
		       const struct smtp_client_reply *reply)
{
	return client->bdat == BDAT_REFUSED &&
	       client_stage(client, transaction) == SMTP_AT_MAIL &&
	       (reply->code == 500 || reply->code == 502);
}

enum smtp_stage client_stage(const struct smtp_client *client,
			     const struct transaction *transaction)
{
	if (transaction->answered <= mail_place(transaction))
		return SMTP_AT_MAIL;
	if (transaction->answered < rcpt_end(transaction))
		return SMTP_AT_RCPT;
	return transaction->answered < body_place(client, transaction) ? SMTP_AT_DATA
								       : SMTP_AT_BODY;
}

struct transaction *client_awaited(const struct smtp_client *client)
{
	struct transaction *transaction = client->first;

	while (transaction && transaction->answered == transaction->asked)
		transaction = transaction->next;
	return transaction;
}

static void on_reply(struct smtp_client *client, const struct smtp_client_reply *reply)
{
	struct transaction *transaction = client_awaited(client);

	client->last_code = reply->code;
	client->replies++;
	if (!transaction) {
		on_unasked(client, reply);
		return;
	}
	if (reads_body(client, transaction, reply)) {
		client->bdat = BDAT_NO_COMMAND;
		end_for_bdat(client, reply);
		return;
	}
	if (!has_place(client, transaction, reply)) {
		lose_step(client, transaction, reply, "unexpected reply");
		return;
	}
	note_answer(client, transaction, reply);
	if (reply->code == 421)
		note_closing(client, reply);
	/* Writes on first: it may find that there is nothing to send any more. */
	client_advance(client);
	while (!client->over && client->first && is_settled(client->first))
		client_conclude(client);
}

bool smtp_client_feed(struct smtp_client *client, struct span bytes)
{
	while (bytes.len && !client->over) {
		struct smtp_client_reply reply;

		switch (smtp_reply_read(&client->reader, &bytes, &reply)) {
		case SMTP_REPLY_MORE:
			return true;
		case SMTP_REPLY_BROKEN:
			lose_step(client, client->first, &reply,
				  "what the server says is not SMTP");
			break;
		case SMTP_REPLY_WHOLE:
			on_reply(client, &reply);
			break;
		}
	}
	return !client->over && (!client->closed || client_awaited(client));
}
