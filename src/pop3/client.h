/*
 * The client's side of POP3 once the login is done (RFC 1939, 2449): pure, fed what the
 * server says, it makes command bytes and calls back.
 *
 * LIST and UIDL are asked first, by itself; then the caller asks for messages, headers
 * and removals, and at last to quit. Who knows most of what is there by its uid already
 * has UIDL asked alone, and the sizes of the rest: that is half the bytes. Where the
 * server offers PIPELINING several asks may be on their way, a bounded amount; else one.
 * Answers come in the order of asking.
 *
 * The server is not trusted: a line or a listing that is too long is cut, what makes no
 * sense in a listing is left out, and a message is only there when its end was.
 */
#ifndef POP3_CLIENT_H
#define POP3_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#define POP3_CLIENT_MESSAGES_MAX 200000 /* of one listing; the rest waits */

enum pop3_ask {
	POP3_ASK_LIST,
	POP3_ASK_UIDL,
	POP3_ASK_SIZE, /* LIST of one */
	POP3_ASK_RETR,
	POP3_ASK_TOP, /* the header alone */
	POP3_ASK_DELE,
	POP3_ASK_QUIT,
};

struct pop3_client_answer {
	enum pop3_ask ask;
	size_t message;   /* its place in the listing */
	bool done;        /* else the server refused */
	struct span text; /* behind "+OK" or "-ERR"; borrowed for the call */
};

struct pop3_client_hooks {
	/* NULL: all sizes are asked for. Else UIDL comes first; this is called for each
	 * message then, and where it is false, its octets stay 0. */
	bool (*needs_octets)(void *ctx, size_t message);
	/* LIST and UIDL are answered. */
	void (*on_listed)(void *ctx);
	/* Bytes of a message or header with LF line ends, dots taken away; a bare CR or
	 * LF stays. An answer that is not done may follow only where none came. */
	void (*on_piece)(void *ctx, size_t message, struct span stored);
	/* To RETR, TOP, DELE and QUIT. */
	void (*on_answer)(void *ctx, const struct pop3_client_answer *answer);
};

struct pop3_offer {
	bool pipelining;
	bool top;
};
/* Takes a line of CAPA's answer. */
void pop3_offer_line(struct pop3_offer *offer, struct span line);

struct pop3_client;
/* hooks and ctx are borrowed. */
struct pop3_client *pop3_client_new(const struct pop3_offer *offer,
				    const struct pop3_client_hooks *hooks, void *ctx);
void pop3_client_free(struct pop3_client *client); /* NULL does nothing */

/* Command bytes to be written; consume what was. */
struct buf *pop3_client_commands(struct pop3_client *client);

/* False: the conversation is over, see pop3_client_failure. */
bool pop3_client_feed(struct pop3_client *client, struct span bytes);
/* NULL while all is well. */
const struct err *pop3_client_failure(const struct pop3_client *client);

/* The listing, sorted by number; octets as the server says, which may be wrong. uid: as
 * the server says, 1 to 255 visible bytes; empty where it gave none, a broken one, or
 * the same to another message too. Borrowed. */
size_t pop3_client_count(const struct pop3_client *client);
uint64_t pop3_client_octets(const struct pop3_client *client, size_t message);
struct span pop3_client_uid(const struct pop3_client *client, size_t message);
/* Bytes that the listing took on the wire. */
uint64_t pop3_client_listing_bytes(const struct pop3_client *client);

/* Another ask may go out now. Not before on_listed, nor after QUIT. */
bool pop3_client_may_ask(const struct pop3_client *client);
/* Only after may_ask. message: not for QUIT. */
void pop3_client_ask(struct pop3_client *client, enum pop3_ask ask, size_t message);
size_t pop3_client_unanswered(const struct pop3_client *client);
/* Messages and headers among those. */
size_t pop3_client_awaited(const struct pop3_client *client);

#endif
