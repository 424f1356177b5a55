#include "smtp/client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "mail/address.h"
#include "smtp/client_state.h"

/* One whole envelope behind another. */
#define COMMANDS_MAX ((size_t)(SMTP_CLIENT_RECIPIENTS_MAX + 8) * (ADDRESS_MAX * 2 + 64))

struct smtp_client *smtp_client_new(const struct smtp_offer *offer)
{
	struct smtp_client *client = must_alloc(sizeof(*client));

	*client = (struct smtp_client){ .offer = *offer,
					.way = !offer->pipelining ? ONE_BY_ONE
					       : offer->chunking  ? CHUNKED
								  : PIPELINED,
					.window_messages = 1,
					.commands = BUF_INIT(COMMANDS_MAX) };
	client->done_end = &client->done;
	return client;
}

static void free_all(struct transaction *transaction)
{
	while (transaction) {
		struct transaction *next = transaction->next;

		smtp_client_result_free(transaction->result);
		free(transaction);
		transaction = next;
	}
}

void smtp_client_free(struct smtp_client *client)
{
	if (!client)
		return;
	free_all(client->first);
	free_all(client->done);
	buf_clear(&client->commands);
	free(client);
}

void smtp_client_set_window(struct smtp_client *client, size_t messages, uint64_t bytes)
{
	client->window_messages = messages ? messages : 1;
	client->window_bytes = bytes;
}

static size_t in_doubt_messages(const struct smtp_client *client)
{
	size_t count = 0;

	for (const struct transaction *at = client->first; at; at = at->next)
		count++;
	return count;
}

static uint64_t in_doubt_bytes(const struct smtp_client *client)
{
	uint64_t bytes = 0;

	/* A large body waited for its replies: what is in doubt of it is its end, and the
	 * next may come behind that. */
	for (const struct transaction *at = client->first; at; at = at->next)
		bytes += at->message.wire_bytes <= client->window_bytes
				 ? at->message.wire_bytes
				 : client->window_bytes / 2;
	return bytes;
}

bool smtp_client_may_start(const struct smtp_client *client, uint64_t wire_bytes)
{
	if (client->failure.kind != ERR_NONE || (client->last && !client->last->written))
		return false;
	if (!client->first)
		return true;
	switch (client->way) {
	case ONE_BY_ONE:
		return false;
	case PIPELINED:
		/* Only the envelope rides behind the dot: its body waits for 354, which
		 * comes after the last body's reply. */
		return client->first == client->last;
	case CHUNKED:
		break;
	}
	return in_doubt_messages(client) < client->window_messages &&
	       (wire_bytes > client->window_bytes ||
		in_doubt_bytes(client) + wire_bytes <= client->window_bytes);
}

static struct smtp_client_result *new_result(const struct smtp_client_message *message)
{
	struct smtp_client_result *result = must_alloc(sizeof(*result));

	result->tag = message->tag;
	result->count = message->count;
	result->answers = must_alloc(message->count * sizeof(*result->answers));
	return result;
}

/* The message's result is known before anything is said. */
static void refuse_here(struct smtp_client *client, struct transaction *transaction,
			const char *status, const char *text)
{
	struct smtp_client_answer answer = { .verdict = SMTP_PERMANENT,
					     .stage = SMTP_AT_START };

	snprintf(answer.reply.status, sizeof(answer.reply.status), "%s", status);
	snprintf(answer.reply.text, sizeof(answer.reply.text), "%s", text);
	for (size_t i = 0; i < transaction->result->count; i++)
		transaction->result->answers[i] = answer;
	*client->done_end = transaction;
	client->done_end = &transaction->next;
}

void smtp_client_start(struct smtp_client *client,
		       const struct smtp_client_message *message)
{
	struct transaction *transaction = must_alloc(sizeof(*transaction));

	assert(message->count && message->count <= SMTP_CLIENT_RECIPIENTS_MAX);
	*transaction = (struct transaction){ .message = *message,
					     .result = new_result(message) };
	if (client_needs_utf8(message) && !client->offer.smtputf8) {
		refuse_here(client, transaction, "5.6.7",
			    "the address has letters that the server cannot take (no "
			    "SMTPUTF8)");
		return;
	}
	transaction->reset =
		client->transaction_open ||
		(client->offer.keeps_sender && (client->first || client->started));
	client->transaction_open = false;
	if (client->last)
		client->last->next = transaction;
	else
		client->first = transaction;
	client->last = transaction;
	client_advance(client);
}

struct buf *smtp_client_commands(struct smtp_client *client)
{
	return &client->commands;
}

void *smtp_client_body(const struct smtp_client *client, bool *dots_out)
{
	if (client->failure.kind != ERR_NONE || !client->last ||
	    !client->last->body_wanted)
		return NULL;
	*dots_out = client->way != CHUNKED;
	return client->last->message.tag;
}

void smtp_client_body_done(struct smtp_client *client)
{
	struct transaction *transaction = client->last;

	assert(transaction && transaction->body_wanted);
	if (client->way != CHUNKED)
		client_say_dot(client);
	client_ask(client, transaction);
	transaction->body_wanted = false;
	transaction->body_out = true;
	transaction->written = true;
}

const struct err *smtp_client_failure(const struct smtp_client *client)
{
	return client->failure.kind == ERR_NONE ? NULL : &client->failure;
}

bool smtp_client_was_closed(const struct smtp_client *client)
{
	return client->closed;
}

struct smtp_client_result *smtp_client_take(struct smtp_client *client)
{
	struct transaction *transaction = client->done;
	struct smtp_client_result *result;

	if (!transaction)
		return NULL;
	client->done = transaction->next;
	if (!client->done)
		client->done_end = &client->done;
	result = transaction->result;
	free(transaction);
	return result;
}

struct smtp_client_wait smtp_client_awaits(const struct smtp_client *client)
{
	const struct transaction *transaction = client_awaited(client);

	return (struct smtp_client_wait){
		.asked = client->run_asked,
		.answered = client->run_answered,
		.stage = transaction ? client_stage(client, transaction) : SMTP_AT_START,
		.replies = client->replies,
	};
}
