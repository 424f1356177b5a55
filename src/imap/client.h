/*
 * The client's side of IMAP once the login is done (RFC 9051, 3501), for emptying one
 * folder: pure, fed what the server says, it makes command bytes and calls back.
 *
 * By itself it asks for COMPRESS (RFC 4978) where offered, selects the folder and lists
 * it: all UIDs (in ranges with ESEARCH, RFC 4731), and the sizes of those that are new.
 * Then the caller asks for messages, headers and removals, and at last to quit; several
 * asks are on their way at a time, a bounded amount. Messages are named by UID alone, so
 * whatever other clients do to the folder's numbering is of no matter.
 *
 * What others have marked \Deleted is not listed, and never expunged: removals are UID
 * EXPUNGE (UIDPLUS, RFC 4315); without it EXPUNGE is said at the end, only where a search
 * shows no marks but ours. Removals wait for each other, since nothing is lost with them.
 *
 * The server is not trusted: lines, listings and what nobody asked for have a bound, and
 * a message is only there when its whole literal and the command's OK were.
 */
#ifndef IMAP_CLIENT_H
#define IMAP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#define IMAP_CLIENT_MESSAGES_MAX 200000 /* of one listing; the rest waits */
#define IMAP_UID_TEXT_MAX        24

enum imap_ask {
	IMAP_ASK_MESSAGE,
	IMAP_ASK_HEADER,
	IMAP_ASK_IDENTITY, /* Message-ID and Date alone */
	IMAP_ASK_DELETE,
	IMAP_ASK_QUIT,
};

struct imap_client_answer {
	enum imap_ask ask;
	size_t message;   /* its place in the listing */
	bool done;        /* else the server refused, or the message is gone there */
	struct span text; /* what it said; borrowed for the call */
};

struct imap_piece {
	enum imap_ask ask; /* MESSAGE, HEADER or IDENTITY */
	size_t message;
	uint64_t from;    /* the literal's first byte in the message */
	uint64_t bytes;   /* the literal's length */
	bool begins;      /* the literal does; its text is empty then */
	struct span text; /* as on the wire, CRLF; borrowed */
};

enum imap_known {
	IMAP_NEW,
	IMAP_FETCHED, /* before; where it is marked \Deleted, that was us */
	IMAP_SIZED,   /* the same, and its size need not be asked for */
};

struct imap_client_hooks {
	/* Called for each UID before on_listed; octets: of IMAP_SIZED. The places are not
	 * the listing's yet. */
	enum imap_known (*knows)(void *ctx, size_t message, uint64_t *octets_out);
	void (*on_listed)(void *ctx);
	/* Of a message or header. */
	void (*on_piece)(void *ctx, const struct imap_piece *piece);
	/* Once for each ask. Where one that is not done follows pieces, these are void.
	 */
	void (*on_answer)(void *ctx, const struct imap_client_answer *answer);
};

struct imap_offer {
	bool is_known; /* as it is after the login; else it is asked for first */
	bool compress;
	bool uidplus;
	bool esearch;
};
/* Takes the words of a CAPABILITY answer: nothing else is offered then. */
void imap_offer_take(struct imap_offer *offer, struct span words);

struct imap_client;
/* folder is copied, hooks and ctx are borrowed. read_only: nothing will be removed. */
struct imap_client *imap_client_new(const struct imap_offer *offer, const char *folder,
				    bool read_only, const struct imap_client_hooks *hooks,
				    void *ctx);
void imap_client_free(struct imap_client *client); /* NULL does nothing */

/* Command bytes to be written; consume what was. To be called after whatever was asked or
 * fed: it is here that removals are put together. */
struct buf *imap_client_commands(struct imap_client *client);

/* Takes from *bytes what it can: all, or up to where compression begins; then what is
 * left, and all that follows either way, is compressed. False: the conversation is over,
 * see imap_client_failure. */
bool imap_client_feed(struct imap_client *client, struct span *bytes) MUST_USE;
bool imap_client_is_compressed(const struct imap_client *client);
/* NULL while all is well. */
const struct err *imap_client_failure(const struct imap_client *client);

/* The listing, sorted by UID; octets as the server says, which may be wrong. */
size_t imap_client_count(const struct imap_client *client);
uint64_t imap_client_octets(const struct imap_client *client, size_t message);
uint32_t imap_client_uidvalidity(const struct imap_client *client); /* 0: none */
/* UIDVALIDITY and UID; "" where the server gives no UIDVALIDITY. */
const char *imap_client_uid(const struct imap_client *client, size_t message,
			    char text_out[IMAP_UID_TEXT_MAX]);
uint64_t imap_client_listing_bytes(const struct imap_client *client);

/* Another ask may go out now. Not before on_listed, nor after QUIT. */
bool imap_client_may_ask(const struct imap_client *client);
/* Only after may_ask. message: not for QUIT. from: of MESSAGE, the first byte wanted; the
 * server may begin at another all the same. */
void imap_client_ask(struct imap_client *client, enum imap_ask ask, size_t message,
		     uint64_t from);
/* Messages and headers that are not answered. */
size_t imap_client_awaited(const struct imap_client *client);

#endif
