/*
 * What the parts of the SMTP client share: client.c is its face, client_write.c writes
 * commands, client_answer.c reads replies, client_result.c judges them. No other file
 * includes this.
 */
#ifndef SMTP_CLIENT_STATE_H
#define SMTP_CLIENT_STATE_H

#include "smtp/client.h"

/*
 * The commands of a transaction in the order of their replies: RSET if one is needed,
 * MAIL, a RCPT each, DATA unless BDAT is used, and the body (BDAT, or what follows 354).
 * `asked` of them are written, `answered` have their reply. Replies come in order, so one
 * goes to the first transaction with answered < asked: no list of what is awaited can run
 * out of step with what was written.
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
	bool body_out; /* the caller has written all of it */
	bool written;  /* nothing more will be written for it */
};

enum way {
	ONE_BY_ONE,
	PIPELINED,
	CHUNKED,
};

enum bdat { /* what is known of the offer of CHUNKING */
	BDAT_UNTRIED,
	BDAT_REFUSED,    /* each time, perhaps because no recipient was accepted */
	BDAT_WORKED,     /* a message was accepted */
	BDAT_NO_COMMAND, /* the server does not know it */
};

struct smtp_client {
	struct smtp_offer offer;
	enum way way;
	enum bdat bdat;
	bool transaction_open; /* the server may still know a sender: RSET before MAIL */
	bool started;          /* a transaction was begun before */
	bool closed;           /* the server said so, by 421 */
	bool out_of_step;      /* replies can no longer be matched to commands */
	bool over;             /* what comes now has no meaning */
	struct transaction *first; /* in order; all but the last are written */
	struct transaction *last;
	struct transaction *done;
	struct transaction **done_end;
	size_t window_messages;
	uint64_t window_bytes;
	size_t run_asked; /* as in struct smtp_client_wait */
	size_t run_answered;
	size_t replies;
	struct smtp_reply_reader reader;
	unsigned last_code;
	const struct transaction *unclear;      /* the one whose reply had no place ... */
	struct smtp_client_reply unclear_reply; /* ... and that reply */
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
/* Counts a command of the transaction as given. */
void client_ask(struct smtp_client *client, struct transaction *transaction);
/* Writes what may be written now for the transaction whose turn it is. */
void client_advance(struct smtp_client *client);
void client_say_dot(struct smtp_client *client);
bool client_needs_utf8(const struct smtp_client_message *message);

/* The transaction that the next reply is for; NULL: none is awaited. */
struct transaction *client_awaited(const struct smtp_client *client);
/* The command that the transaction's next reply answers. */
enum smtp_stage client_stage(const struct smtp_client *client,
			     const struct transaction *transaction);
/* BDAT's reply says that the server does not know the command. */
bool client_bdat_is_unknown(const struct smtp_client *client,
			    const struct transaction *transaction);
/* The first transaction's result is known. */
void client_conclude(struct smtp_client *client);

#endif
