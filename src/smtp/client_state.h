/*
 * What the parts of the SMTP client share: client.c is its face, client_write.c writes
 * commands, client_answer.c reads replies. Nobody else includes this.
 */
#ifndef SMTP_CLIENT_STATE_H
#define SMTP_CLIENT_STATE_H

#include "smtp/client.h"

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

/* The places of the commands in their order of reply. */
static inline size_t mail_place(const struct transaction *transaction)
{
	return transaction->reset ? 1 : 0;
}

static inline size_t rcpt_end(const struct transaction *transaction)
{
	return mail_place(transaction) + 1 + transaction->message.count;
}

static inline size_t body_place(const struct smtp_client *client,
				const struct transaction *transaction)
{
	return rcpt_end(transaction) + (client->way == CHUNKED ? 0 : 1);
}

/* The conversation is over: nothing more is written. */
void client_fail(struct smtp_client *client, const char *what);
/* Writes what may be written now for the transaction whose turn it is. */
void client_advance(struct smtp_client *client);
void client_say_dot(struct smtp_client *client);
bool client_needs_utf8(const struct smtp_client_message *message);

#endif
