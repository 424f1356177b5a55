/*
 * The client's side of SMTP once greeting, EHLO and login are done (RFC 5321, 2920,
 * 3030): pure, fed reply bytes, it makes command bytes, says when a body is wanted and
 * gives each message's result.
 *
 * Three ways, by what the server offers. With PIPELINING and CHUNKING, MAIL, RCPT and
 * BDAT of the next message follow the last without waiting, up to a bounded amount in
 * doubt. With PIPELINING alone, MAIL RCPT DATA go together and ride behind the last
 * body's dot. Else one command at a time. A body larger than the bound waits for its
 * RCPT replies, so that a refusal costs nothing.
 *
 * The caller's loop: while may_start, start a message; write the commands; where a body
 * is wanted, write that (mail/wire.h, dots stuffed where `dots` says so), say body_done;
 * feed what the server says; take results. Results come in the order of starting.
 * After failure nothing more is wanted; messages without a result are the caller's to
 * judge: he knows whose last byte has left.
 */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "smtp/client_offer.h"
#include "smtp/client_reply.h"

#define SMTP_CLIENT_RECIPIENTS_MAX 100 /* RFC 5321 4.5.3.1.8 */

struct smtp_client_message {
	void *tag;          /* the caller's */
	const char *sender; /* "" for the null sender; texts are borrowed until */
	const char *const *recipients; /* the result is taken or the client freed */
	size_t count;                  /* 1 to SMTP_CLIENT_RECIPIENTS_MAX */
	uint64_t wire_bytes;           /* exactly: CRLF line ends, no dots stuffed */
	bool eight_bit;                /* some byte is above 127 */
};

enum smtp_verdict {
	SMTP_TEMPORARY, /* also whatever is not known to be final */
	SMTP_ACCEPTED,
	SMTP_PERMANENT,
};

enum smtp_stage {      /* which command was answered so */
	SMTP_AT_START, /* none: the server does not offer what the message needs */
	SMTP_AT_MAIL,
	SMTP_AT_RCPT,
	SMTP_AT_DATA,
	SMTP_AT_BODY,
};

struct smtp_client_answer { /* for one recipient */
	enum smtp_verdict verdict;
	enum smtp_stage stage;
	struct smtp_client_reply reply;
};

struct smtp_client_result {
	void *tag;
	size_t count;
	struct smtp_client_answer *answers; /* in the order of the recipients */
	bool again; /* only the conversation was out of step: may be started again */
};
void smtp_client_result_free(struct smtp_client_result *result);

struct smtp_client;
/* reset_between: the server is known to keep a sender whose recipients were all refused
 * (Exim, after BDAT), so that RSET must go before each further MAIL. */
struct smtp_client *smtp_client_new(const struct smtp_offer *offer, bool reset_between);
void smtp_client_free(struct smtp_client *client); /* NULL does nothing */

/* What may be in doubt at a time: messages, and bytes of theirs. Any time. */
void smtp_client_set_window(struct smtp_client *client, size_t messages, uint64_t bytes);

bool smtp_client_may_start(const struct smtp_client *client, uint64_t wire_bytes);
/* Only after may_start. The result may be there at once. */
void smtp_client_start(struct smtp_client *client,
		       const struct smtp_client_message *message);

/* Command bytes to be written now, before any body; consume what was written. */
struct buf *smtp_client_commands(struct smtp_client *client);
/* The message whose body comes next, when the commands are written; NULL: none. */
void *smtp_client_body(const struct smtp_client *client, bool *dots_out);
/* All of it is written (without the final dot: that is a command). */
void smtp_client_body_done(struct smtp_client *client);

/* False: the conversation is over, see smtp_client_failure. */
bool smtp_client_feed(struct smtp_client *client, struct span bytes);
/* NULL while all is well. */
const struct err *smtp_client_failure(const struct smtp_client *client);
/* The server said that it closes (421): whatever is not answered when it has closed was
 * not taken. */
bool smtp_client_was_closed(const struct smtp_client *client);

/* The next result, or NULL; the caller frees it. */
struct smtp_client_result *smtp_client_take(struct smtp_client *client);
/* Messages started whose result is not known yet, and whether replies are awaited. */
size_t smtp_client_unanswered(const struct smtp_client *client);

#endif
