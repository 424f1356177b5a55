#include "smtp/client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "mail/address.h"

#define COMMANDS_MAX ((SMTP_CLIENT_RECIPIENTS_MAX + 8) * (ADDRESS_MAX * 2 + 64))
/* Below this a SIZE on MAIL saves nothing: the body is out before the refusal is in. */
#define SIZE_IS_USEFUL 32768

/*
 * The commands of a transaction in the order of their replies: RSET where one is needed,
 * MAIL, a RCPT each, DATA where that is the way, and the body (BDAT, or what follows
 * 354). `asked` of them are written, `answered` have their reply. Replies come in order,
 * so one goes to the first transaction with answered < asked: no list of what is
 * awaited can run out of step with what was written.
 */
struct transaction {
	struct transaction *next;
	struct smtp_client_message message;
	struct smtp_client_result *result;
	size_t asked;
	size_t answered;
	size_t accepted; /* recipients */
	struct smtp_client_reply mail;
	struct smtp_client_reply data;
	struct smtp_client_reply body;
	bool reset; /* RSET goes first */
	bool body_wanted;
	bool written; /* nothing more will be written for it */
};

enum way {
	ONE_BY_ONE,
	PIPELINED,
	CHUNKED,
};

struct smtp_client {
	struct smtp_offer offer;
	enum way way;
	bool reset_between;
	bool transaction_open; /* the server may still know a sender: RSET before MAIL */
	bool started;          /* a transaction was begun before */
	bool closed;           /* the server said so, by 421 */
	bool over;             /* what comes now has no meaning */
	struct transaction *first; /* in order; all but the last are written */
	struct transaction *last;
	struct transaction *done;
	struct transaction **done_end;
	size_t window_messages;
	uint64_t window_bytes;
	struct smtp_reply_reader reader;
	struct buf commands;
	struct err failure;
};

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

/* The places of the commands in their order of reply. */
static size_t mail_place(const struct transaction *transaction)
{
	return transaction->reset ? 1 : 0;
}

static size_t rcpt_end(const struct transaction *transaction)
{
	return mail_place(transaction) + 1 + transaction->message.count;
}

static size_t body_place(const struct smtp_client *client,
			 const struct transaction *transaction)
{
	return rcpt_end(transaction) + (client->way == CHUNKED ? 0 : 1);
}

static void failed(struct smtp_client *client, const char *what)
{
	if (client->failure.kind == ERR_NONE)
		err_temporary(&client->failure, "4.4.2", "%s", what);
	buf_reset(&client->commands);
}

/* The ceiling has room for one whole envelope behind another. */
#define SAY(client, ...)                                                   \
	do {                                                               \
		bool fits = buf_appendf(&(client)->commands, __VA_ARGS__); \
		assert(fits);                                              \
		(void)fits;                                                \
	} while (0)

static void say_path(struct smtp_client *client, const char *verb, const char *address)
{
	bool fits = buf_append_text(&client->commands, verb) &&
		    buf_append_text(&client->commands, ":<") &&
		    address_append(&client->commands, address) &&
		    buf_append_text(&client->commands, ">");

	assert(fits);
	(void)fits;
}

static bool needs_utf8(const struct smtp_client_message *message)
{
	bool needs = address_is_utf8(message->sender);

	for (size_t i = 0; i < message->count; i++)
		needs = needs || address_is_utf8(message->recipients[i]);
	return needs;
}

/* mail = "MAIL FROM:" reverse-path [SP "SIZE=" n] [SP "BODY=8BITMIME"] [SP "SMTPUTF8"] */
static void say_mail(struct smtp_client *client, const struct transaction *transaction)
{
	const struct smtp_client_message *message = &transaction->message;

	say_path(client, "MAIL FROM", message->sender);
	if (client->offer.size && message->wire_bytes >= SIZE_IS_USEFUL)
		SAY(client, " SIZE=%" PRIu64, message->wire_bytes);
	/* Where 8BITMIME is not offered the bytes go as they are: every server takes
	 * them, and a rewritten message would not be the sender's any more. */
	if (client->offer.eight_bit && message->eight_bit)
		SAY(client, " BODY=8BITMIME");
	if (client->offer.smtputf8 && needs_utf8(message))
		SAY(client, " SMTPUTF8");
	SAY(client, "\r\n");
}

static void say_next(struct smtp_client *client, struct transaction *transaction)
{
	size_t place = transaction->asked++;

	if (place < mail_place(transaction)) {
		SAY(client, "RSET\r\n");
	} else if (place == mail_place(transaction)) {
		say_mail(client, transaction);
	} else if (place < rcpt_end(transaction)) {
		size_t i = place - mail_place(transaction) - 1;

		say_path(client, "RCPT TO", transaction->message.recipients[i]);
		SAY(client, "\r\n");
	} else {
		SAY(client, "DATA\r\n");
	}
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

static void want_body(struct smtp_client *client, struct transaction *transaction)
{
	if (client->way == CHUNKED)
		SAY(client, "BDAT %" PRIu64 " LAST\r\n", transaction->message.wire_bytes);
	transaction->body_wanted = true;
}

/* After the envelope, the BDAT way. */
static void go_on_chunked(struct smtp_client *client, struct transaction *transaction)
{
	bool known = transaction->answered == transaction->asked;

	if (known && !transaction->accepted)
		transaction->written = true;
	else if (known || transaction->message.wire_bytes <= client->window_bytes)
		want_body(client, transaction);
}

/* After the reply to DATA. */
static void go_on_data(struct smtp_client *client, struct transaction *transaction)
{
	if (transaction->data.code / 100 != 3) {
		transaction->written = true;
	} else if (transaction->accepted) {
		want_body(client, transaction);
	} else {
		/* 354 though nobody is to get it (RFC 2920 3.1): a lone dot. */
		SAY(client, ".\r\n");
		transaction->asked++;
		transaction->written = true;
	}
}

/* Writes what may be written now for the transaction whose turn it is. */
static void advance(struct smtp_client *client)
{
	struct transaction *transaction = client->last;
	bool answered;

	if (!transaction || transaction->written || transaction->body_wanted ||
	    client->failure.kind != ERR_NONE)
		return;
	if (client->way != ONE_BY_ONE) {
		while (transaction->asked < body_place(client, transaction))
			say_next(client, transaction);
		if (client->way == CHUNKED)
			go_on_chunked(client, transaction);
		else if (transaction->answered == transaction->asked)
			go_on_data(client, transaction);
		return;
	}
	answered = transaction->answered == transaction->asked;
	if (!answered)
		return;
	if (transaction->asked == body_place(client, transaction))
		go_on_data(client, transaction);
	else if ((transaction->asked > mail_place(transaction) &&
		  transaction->mail.code / 100 != 2) ||
		 (transaction->asked == rcpt_end(transaction) && !transaction->accepted))
		transaction->written = true;
	else
		say_next(client, transaction);
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
	if (needs_utf8(message) && !client->offer.smtputf8) {
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
	advance(client);
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
		SAY(client, ".\r\n");
	transaction->body_wanted = false;
	transaction->written = true;
	transaction->asked++;
}

/* 421: it closes. What it still answers counts; nothing more is written. */
static void note_closing(struct smtp_client *client,
			 const struct smtp_client_reply *reply)
{
	char text[SMTP_REPLY_TEXT_MAX + 40];

	client->closed = true;
	snprintf(text, sizeof(text), "the server closes: 421 %s", reply->text);
	failed(client, text);
}

/* Nothing is awaited, or an answer to a body that is still being written. */
static void on_unasked(struct smtp_client *client, const struct smtp_client_reply *reply)
{
	struct transaction *transaction = client->first;
	char text[SMTP_REPLY_TEXT_MAX + 40];

	if (transaction && transaction->body_wanted && transaction == client->last &&
	    transaction->answered == transaction->asked && reply->code >= 400 &&
	    reply->code != 421) {
		transaction->body = *reply;
		conclude(client, transaction);
		failed(client, "the server answered before the message was sent");
		client->over = true;
		return;
	}
	if (reply->code == 421) {
		note_closing(client, reply);
	} else {
		snprintf(text, sizeof(text), "unexpected reply: %u %s", reply->code,
			 reply->text);
		failed(client, text);
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
	advance(client);
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
			failed(client, "what the server says is not SMTP");
			client->over = true;
			break;
		case SMTP_REPLY_WHOLE:
			on_reply(client, &reply);
			break;
		}
	}
	return !client->over && (!client->closed || awaited(client));
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
