/*
 * The client's side of SMTP once greeting, EHLO and login are done (RFC 5321, 2920,
 * 3030): pure. It is fed the bytes of replies; it makes the bytes of commands, says when
 * a body is wanted and gives each message's result.
 *
 * What the server offers decides how it talks. With PIPELINING and CHUNKING the MAIL,
 * RCPT and BDAT of the next message follow the last without waiting, up to a bounded
 * amount in doubt. With PIPELINING alone MAIL, RCPT and DATA go together, and the next
 * ones go behind the last body's dot. Without either one command goes at a time. A body
 * larger than the bound, or than the server's SIZE, waits for the replies to MAIL and
 * RCPT, so that a refusal costs nothing.
 *
 *	while (connected) {
 *		while (smtp_client_may_start(client, next->wire_bytes))
 *			smtp_client_start(client, next);
 *		(write smtp_client_commands and consume what was written)
 *		if ((tag = smtp_client_body(client, &dots))) {
 *			(write the body of `tag`, without a final dot: mail/wire.h)
 *			smtp_client_body_done(client);
 *			continue;
 *		}
 *		connected = smtp_client_feed(client, bytes that came);
 *		while ((result = smtp_client_take(client)))
 *			(use it, smtp_client_result_free)
 *	}
 *	smtp_client_abandon(client, how it ended);
 *	(take the results that are left: what was heard counts)
 *
 * Results come in the order of starting, except that of a message that cannot go to this
 * server at all, which is there at once. After a failure nothing more is written.
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
#include "smtp/client_result.h"

#define SMTP_CLIENT_RECIPIENTS_MAX 100 /* RFC 5321 4.5.3.1.8 */

struct smtp_client_message {
	void *tag;          /* the caller's */
	const char *sender; /* "" for the null sender; texts are borrowed until */
	const char *const *recipients; /* the result is taken or the client freed */
	size_t count;                  /* 1 to SMTP_CLIENT_RECIPIENTS_MAX */
	uint64_t wire_bytes;           /* exactly: CRLF line ends, no dots stuffed */
	bool eight_bit;                /* some byte is above 127 */
};

struct smtp_client;
/* The offer is copied; what is cleared in it is not used. */
struct smtp_client *smtp_client_new(const struct smtp_offer *offer);
void smtp_client_free(struct smtp_client *client); /* NULL does nothing */

/* What may be in doubt at a time: messages, and bytes of theirs. Any time. */
void smtp_client_set_window(struct smtp_client *client, size_t messages, uint64_t bytes);

bool smtp_client_may_start(const struct smtp_client *client, uint64_t wire_bytes);
/* Only after may_start. The result may be there at once. */
void smtp_client_start(struct smtp_client *client,
		       const struct smtp_client_message *message);

/* Command bytes to be written now, before any body; consume what was written. */
struct buf *smtp_client_commands(struct smtp_client *client);
/* The message whose body comes next, when the commands are written; NULL: none. Lines
 * that begin with a dot get a second one if *dots_out. */
void *smtp_client_body(const struct smtp_client *client, bool *dots_out);
/* The whole body is written, without the final dot, which is a command. */
void smtp_client_body_done(struct smtp_client *client);

/* False: the conversation is over, see smtp_client_failure. */
bool smtp_client_feed(struct smtp_client *client, struct span bytes);
/* NULL while all is well. */
const struct err *smtp_client_failure(const struct smtp_client *client);
/* The server said that it closes (421). */
bool smtp_client_was_closed(const struct smtp_client *client);

/* The next result, or NULL; the caller frees it. */
struct smtp_client_result *smtp_client_take(struct smtp_client *client);

/* What is awaited. If a server that was given several commands together answers some of
 * them and then falls silent before a body is asked for, it may have thrown the others
 * away (VPOP3), and will answer if they come one by one. */
struct smtp_client_wait {
	size_t asked;          /* commands given since nothing was awaited */
	size_t answered;       /* replies to them */
	enum smtp_stage stage; /* of the next reply; SMTP_AT_START: none is awaited */
	size_t replies;        /* whole ones so far: bytes of one are no progress */
};
struct smtp_client_wait smtp_client_awaits(const struct smtp_client *client);

enum smtp_client_end {
	SMTP_END_OF_STREAM, /* the server closed its side in order */
	SMTP_END_RESET,     /* the server's side reset the connection */
	SMTP_END_CUT,       /* silence, the link is gone, or we hang up */
};
/* The connection has ended: every message without a result gets one, by what was heard.
 * client_result.c says when a message may have been taken. */
void smtp_client_abandon(struct smtp_client *client, enum smtp_client_end how);

#endif
