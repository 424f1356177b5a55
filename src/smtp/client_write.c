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

	say_path(client, "MAIL FROM", message->sender);
	if (client->offer.size && message->wire_bytes >= SIZE_IS_USEFUL)
		SAY(client, " SIZE=%" PRIu64, message->wire_bytes);
	/* Where 8BITMIME is not offered the bytes go as they are: every server takes
	 * them, and a rewritten message would not be the sender's any more. */
	if (client->offer.eight_bit && message->eight_bit)
		SAY(client, " BODY=8BITMIME");
	if (client->offer.smtputf8 && client_needs_utf8(message))
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
		  transaction->mail.code / 100 != 2) ||
		 (transaction->asked == rcpt_end(transaction) && !transaction->accepted))
		transaction->written = true;
	else
		say_next(client, transaction);
}

void client_say_dot(struct smtp_client *client)
{
	SAY(client, ".\r\n");
}
