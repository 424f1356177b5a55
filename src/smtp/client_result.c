/*
 * What the replies to one transaction mean for its recipients.
 *
 * A recipient's own refusal stands, unless MAIL was refused before it: then the reply to
 * RCPT is only a consequence ("503 MAIL first"). For the accepted recipients the reply to
 * the body decides, or the one to DATA. This holds for a transaction that was answered
 * whole and for one that the end of the connection cut short; in the latter a recipient
 * for whom the deciding reply did not come is unanswered.
 *
 * When a message may have been taken although its body has no reply. Uncertain mail waits
 * and may arrive twice, so the question deserves an exact answer. A message was not
 * taken if
 *   - its body is not out whole, or MAIL, DATA or all of its recipients were refused;
 *   - the server said 421: it closes and has dropped what it did not answer (RFC 5321
 *     3.8 and 4.2.1);
 *   - its last words refused something and it then closed, in order or by a reset (which
 *     is what closing makes of commands that were not read): spam filters and error
 *     limits do that, and what stood behind the refused command was not read. Only a
 *     reset at a point where the body's reply was next says nothing;
 *   - it closed in order without a word about this message: a limit of messages a
 *     connection looks like that. A server says what it has to say before it closes;
 *   - it does not know BDAT, and no BDAT worked on this connection.
 * In all other cases, and always if the replies have run out of step with the commands,
 * it may have been taken.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "smtp/client_state.h"

void smtp_client_result_free(struct smtp_client_result *result)
{
	if (!result)
		return;
	free(result->answers);
	free(result);
}

void smtp_client_answer_none(struct smtp_client_answer *answer, enum smtp_stage stage)
{
	*answer = (struct smtp_client_answer){
		.stage = stage,
		.unanswered = true,
		.reply = { .status = "4.4.2",
			   .text = "the connection ended before the server answered" },
	};
}

static enum smtp_verdict verdict_of(unsigned code)
{
	if (code / 100 == 2)
		return SMTP_ACCEPTED;
	return code / 100 == 5 ? SMTP_PERMANENT : SMTP_TEMPORARY;
}

static void decide(struct smtp_client_answer *answer, enum smtp_stage stage,
		   const struct smtp_client_reply *reply)
{
	*answer = (struct smtp_client_answer){ .verdict = verdict_of(reply->code),
					       .stage = stage,
					       .reply = *reply };
}

bool client_bdat_is_unknown(const struct smtp_client *client,
			    const struct transaction *transaction)
{
	static const char *const statuses[] = { "5.5.1", "5.5.2", "5.5.4" };
	const struct smtp_client_reply *reply = &transaction->body;

	if (client->way != CHUNKED || reply->code / 100 != 5)
		return false;
	if (reply->code == 500 || reply->code == 502)
		return true;
	/* Without a recipient 503 and 554 are what RFC 3030 2 asks for. */
	if (!transaction->accepted)
		return false;
	for (size_t i = 0; i < LENGTH(statuses); i++)
		if (strcmp(reply->status, statuses[i]) == 0)
			return true;
	return reply->code == 501 || reply->code == 503 || reply->code == 504;
}

static void judge(const struct smtp_client *client, const struct transaction *transaction,
		  struct smtp_client_answer *answer)
{
	bool taken = smtp_reply_is_positive(&transaction->body);

	if (smtp_reply_is_refusal(&answer->reply) &&
	    (taken || smtp_reply_is_positive(&transaction->mail)))
		decide(answer, SMTP_AT_RCPT, &answer->reply);
	else if (smtp_reply_is_refusal(&transaction->mail) && !taken)
		decide(answer, SMTP_AT_MAIL, &transaction->mail);
	else if (transaction->body.code)
		decide(answer,
		       client_bdat_is_unknown(client, transaction) ? SMTP_AT_DATA
								   : SMTP_AT_BODY,
		       &transaction->body);
	else if (smtp_reply_is_refusal(&transaction->data))
		decide(answer, SMTP_AT_DATA, &transaction->data);
	else
		smtp_client_answer_none(answer, client_stage(client, transaction));
}

/* Judges the first transaction and takes it off the list. */
static struct transaction *finish_first(struct smtp_client *client)
{
	struct transaction *transaction = client->first;
	struct smtp_client_result *result = transaction->result;

	for (size_t i = 0; i < result->count; i++)
		judge(client, transaction, &result->answers[i]);
	result->used_chunking = client->way == CHUNKED;
	result->used_pipelining = client->way != ONE_BY_ONE;
	/* A second sender refused because an earlier transaction is still open there is
	 * about the conversation, not about this message. */
	result->again = transaction->mail.code == 503 &&
			!smtp_reply_is_positive(&transaction->body) && client->started;
	for (size_t i = 0; result->again && i < result->count; i++)
		result->answers[i].verdict = SMTP_TEMPORARY;
	client->started = true;
	client->first = transaction->next;
	if (!client->first)
		client->last = NULL;
	transaction->next = NULL;
	*client->done_end = transaction;
	client->done_end = &transaction->next;
	return transaction;
}

void client_conclude(struct smtp_client *client)
{
	const struct transaction *transaction = finish_first(client);

	/* Some (Exim) keep the sender when BDAT found all recipients refused. */
	client->transaction_open = transaction->result->again ||
				   (smtp_reply_is_positive(&transaction->mail) &&
				    (!transaction->body.code ||
				     (!transaction->accepted &&
				      !smtp_reply_is_positive(&transaction->body))));
}

static bool refused_last(const struct smtp_client *client)
{
	return client->last_code / 100 == 4 || client->last_code / 100 == 5;
}

static bool nothing_said(const struct transaction *transaction)
{
	return transaction->answered <= mail_place(transaction);
}

static bool may_be_taken(const struct smtp_client *client,
			 const struct transaction *transaction, enum smtp_client_end how)
{
	bool body_next = transaction->answered >= rcpt_end(transaction);

	if (!transaction->body_out || (body_next && !transaction->accepted) ||
	    smtp_reply_is_refusal(&transaction->mail))
		return false;
	if (client->out_of_step)
		return true;
	if (client->closed || client->bdat == BDAT_NO_COMMAND)
		return false;
	switch (how) {
	case SMTP_END_OF_STREAM:
		return !refused_last(client) && !nothing_said(transaction);
	case SMTP_END_RESET:
		return !refused_last(client) || body_next;
	case SMTP_END_CUT:
		break;
	}
	return true;
}

void smtp_client_abandon(struct smtp_client *client, enum smtp_client_end how)
{
	bool first = true;

	client_fail(client, "the conversation was given up");
	client->over = true;
	while (client->first) {
		struct transaction *transaction = client->first;
		struct smtp_client_result *result = transaction->result;

		/* If the last words refused an earlier message, this one was not begun.
		 */
		result->in_hand =
			first && !(nothing_said(transaction) && refused_last(client));
		result->may_be_taken = may_be_taken(client, transaction, how);
		result->unclear = transaction == client->unclear;
		first = false;
		finish_first(client);
		for (size_t i = 0; result->unclear && i < result->count; i++)
			if (result->answers[i].unanswered)
				result->answers[i].reply = client->unclear_reply;
	}
}
