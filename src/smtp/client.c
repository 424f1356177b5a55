#include "smtp/client.h"

#include <assert.h>
#include <stdlib.h>

#include "mail/address.h"
#include "smtp/client_state.h"

/* One whole envelope behind another. */
#define COMMANDS_MAX ((size_t)(SMTP_CLIENT_RECIPIENTS_MAX + 8) * (ADDRESS_MAX * 2 + 64))

struct smtp_client *smtp_client_new(const struct smtp_offer *offer, bool reset_between)
{
	struct smtp_client *client = must_alloc(sizeof(*client));

	*client = (struct smtp_client){ .offer = *offer,
					.way = !offer->pipelining ? ONE_BY_ONE
					       : offer->chunking  ? CHUNKED
								  : PIPELINED,
					.reset_between = reset_between,
					.window_messages = 1,
					.commands = BUF_INIT(COMMANDS_MAX) };
	client->done_end = &client->done;
	return client;
}

void smtp_client_result_free(struct smtp_client_result *result)
{
	if (!result)
		return;
	free(result->answers);
	free(result);
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
	return smtp_client_unanswered(client) < client->window_messages &&
	       (wire_bytes > client->window_bytes ||
		in_doubt_bytes(client) + wire_bytes <= client->window_bytes);
}

static bool refuse_here(const struct smtp_client *client,
			const struct smtp_client_message *message,
			struct smtp_client_reply *reply_out)
{
	*reply_out = (struct smtp_client_reply){ 0 };
	if (client_needs_utf8(message) && !client->offer.smtputf8) {
		*reply_out = (struct smtp_client_reply){
			.status = "5.6.7",
			.text = "the address has letters that the server cannot take "
				"(no SMTPUTF8)"
		};
	} else if (client->offer.size_max &&
		   message->wire_bytes > client->offer.size_max) {
		*reply_out = (struct smtp_client_reply){
			.status = "5.3.4",
			.text = "the message is larger than the server takes (SIZE)"
		};
	}
	return reply_out->status[0] != '\0';
}

static struct smtp_client_result *new_result(const struct smtp_client_message *message)
{
	struct smtp_client_result *result = must_alloc(sizeof(*result));

	result->tag = message->tag;
	result->count = message->count;
	result->answers = must_alloc(message->count * sizeof(*result->answers));
	return result;
}

void smtp_client_start(struct smtp_client *client,
		       const struct smtp_client_message *message)
{
	struct transaction *transaction = must_alloc(sizeof(*transaction));
	struct smtp_client_reply refusal;

	assert(message->count && message->count <= SMTP_CLIENT_RECIPIENTS_MAX);
	*transaction = (struct transaction){ .message = *message,
					     .result = new_result(message) };
	if (refuse_here(client, message, &refusal)) {
		for (size_t i = 0; i < message->count; i++)
			transaction->result->answers[i] =
				(struct smtp_client_answer){ SMTP_PERMANENT,
							     SMTP_AT_START, refusal };
		*client->done_end = transaction;
		client->done_end = &transaction->next;
		return;
	}
	transaction->reset =
		client->transaction_open ||
		(client->reset_between && (client->first || client->started));
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
	transaction->body_wanted = false;
	transaction->written = true;
	transaction->asked++;
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

size_t smtp_client_unanswered(const struct smtp_client *client)
{
	size_t count = 0;

	for (const struct transaction *at = client->first; at; at = at->next)
		count++;
	return count;
}
