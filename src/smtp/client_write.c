#include <assert.h>
#include <inttypes.h>

#include "mail/address.h"
#include "smtp/client_state.h"

/* Below this a SIZE on MAIL saves nothing: the body is out before the refusal is in. */
#define SIZE_IS_USEFUL 32768

/* The ceiling has room for one whole envelope behind another. */
#define SAY(client, ...)                                                   \
	do {                                                               \
		bool fits = buf_appendf(&(client)->commands, __VA_ARGS__); \
		assert(fits);                                              \
		(void)fits;                                                \
	} while (0)

void client_say_dot(struct smtp_client *client)
{
	SAY(client, ".\r\n");
}

static void say_path(struct smtp_client *client, const char *verb, const char *address)
{
	bool fits = buf_append_text(&client->commands, verb) &&
		    buf_append_text(&client->commands, ":<") &&
		    address_append(&client->commands, address) &&
		    buf_append_text(&client->commands, ">");

	assert(fits);
	(void)fits;
}

bool client_needs_utf8(const struct smtp_client_message *message)
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
	bool with_size = client->offer.size && message->wire_bytes >= SIZE_IS_USEFUL;
	bool with_body = client->offer.eight_bit && message->eight_bit;
	bool with_utf8 = client->offer.smtputf8 && client_needs_utf8(message);

	transaction->result->used_parameters = with_size || with_body || with_utf8;
	say_path(client, "MAIL FROM", message->sender);
	if (with_size)
		SAY(client, " SIZE=%" PRIu64, message->wire_bytes);
	/* If 8BITMIME is not offered, the bytes go as they are: whether a message is
	 * rewritten is decided before it comes here. */
	if (with_body)
		SAY(client, " BODY=8BITMIME");
	if (with_utf8)
		SAY(client, " SMTPUTF8");
	SAY(client, "\r\n");
}

void client_ask(struct smtp_client *client, struct transaction *transaction)
{
	if (client->run_asked == client->run_answered)
		client->run_asked = client->run_answered = 0;
	client->run_asked++;
	transaction->asked++;
}

static void say_next(struct smtp_client *client, struct transaction *transaction)
{
	size_t place = transaction->asked;

	client_ask(client, transaction);
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
	uint64_t bytes = transaction->message.wire_bytes;
	bool too_large = client->offer.size_max && bytes > client->offer.size_max;

	if (known && !transaction->accepted)
		transaction->written = true;
	else if (known || (bytes <= client->window_bytes && !too_large))
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
		client_say_dot(client);
		client_ask(client, transaction);
		transaction->written = true;
	}
}

void client_advance(struct smtp_client *client)
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
		  !smtp_reply_is_positive(&transaction->mail)) ||
		 (transaction->asked == rcpt_end(transaction) && !transaction->accepted))
		transaction->written = true;
	else
		say_next(client, transaction);
}
