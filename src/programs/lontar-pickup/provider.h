/*
 * The mailbox at the provider, as the conversation and the plan see it: a listing, and
 * what may be asked for, whichever protocol is spoken. provider_pop3.c and
 * provider_imap.c each make one of an engine.
 */
#ifndef LONTAR_PICKUP_PROVIDER_H
#define LONTAR_PICKUP_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/dial.h"
#include "net/digest.h"

#define PROVIDER_LISTING_MAX 200000 /* messages; the rest waits */

#define PROVIDER_UID_MAX     400

struct remote_mailbox;

/* What is known here of a listed message. */
enum provider_known {
	PROVIDER_NEW,
	PROVIDER_FETCHED, /* before, but its size at the server is needed */
	PROVIDER_SIZED,   /* before, and the size that is known from then will do */
};

enum provider_ask {
	PROVIDER_FETCH,
	PROVIDER_HEADER,   /* the header alone */
	PROVIDER_IDENTITY, /* at least Message-ID and Date of it */
	PROVIDER_DELETE,
	PROVIDER_QUIT,
};

struct provider_answer {
	enum provider_ask ask;
	size_t message;   /* its place in the listing */
	bool done;        /* else the server refused */
	struct span text; /* what it said; borrowed for the call */
};

struct provider_hooks {
	/* Most messages are known: uids are to be listed first if that saves asking for
	 * the sizes of those that are. */
	bool knows_most;
	/* Called once the uid is known, before on_listed. octets_out: of PROVIDER_SIZED;
	 * the octets of such a message may also stay 0. */
	enum provider_known (*knows)(void *ctx, size_t message, uint64_t *octets_out);
	/* The listing is complete. */
	void (*on_listed)(void *ctx);
	/* Bytes of a message or header with LF line ends; a bare CR or LF stays. */
	void (*on_piece)(void *ctx, size_t message, struct span stored);
	/* Once for each ask. If `done` is false, discard any pieces already given. */
	void (*on_answer)(void *ctx, const struct provider_answer *answer);
};

/* What each protocol has of its own; the functions below do what is said here. */
struct provider_kind {
	enum dial_protocol dial;
	const char *names[2]; /* in the trace: in the clear, under TLS */
	bool removes_at_quit; /* what was deleted is gone only then */
	void *(*open)(const struct remote_mailbox *mailbox, struct span offer,
		      const struct provider_hooks *hooks, void *ctx);
	void (*close)(void *engine);
	struct buf *(*outgoing)(void *engine);
	bool (*receive)(void *engine, struct span bytes, struct err *err);
	size_t (*count)(const void *engine);
	uint64_t (*octets)(const void *engine, size_t message);
	uint64_t (*octets_left)(const void *engine, size_t message);
	void (*key)(const void *engine, size_t message, char key_out[DIGEST_TEXT_MAX]);
	uint64_t (*listing_bytes)(const void *engine);
	bool (*has_headers)(const void *engine);
	bool (*is_renumbered)(const void *engine);
	bool (*note_numbers)(void *engine, struct err *err);
	bool (*may_ask)(const void *engine);
	void (*ask)(void *engine, enum provider_ask ask, size_t message);
	size_t (*awaited)(const void *engine);
};
extern const struct provider_kind provider_pop3;
extern const struct provider_kind provider_imap;

struct provider {
	const struct provider_kind *kind;
	void *engine; /* NULL until the dial is connected */
};

const struct provider_kind *provider_kind_of(const struct remote_mailbox *mailbox);

/* The login is done. hooks and ctx are borrowed. */
void provider_open(struct provider *provider, const struct remote_mailbox *mailbox,
		   struct span offer, const struct provider_hooks *hooks, void *ctx);
void provider_close(struct provider *provider); /* also if it was not opened */

/* What is to be written; consume what was. */
struct buf *provider_outgoing(struct provider *provider);
/* False and err: the conversation is over. */
bool provider_receive(struct provider *provider, struct span bytes,
		      struct err *err) MUST_USE;

/* The listing. octets: as the server says, which may be wrong; left: without what is here
 * from an earlier, broken session. */
size_t provider_count(const struct provider *provider);
uint64_t provider_octets(const struct provider *provider, size_t message);
uint64_t provider_octets_left(const struct provider *provider, size_t message);
/* By which it is known again: a digest of its uid; "-": it has none. */
void provider_key(const struct provider *provider, size_t message,
		  char key_out[DIGEST_TEXT_MAX]);
/* The key that belongs to a uid: for the engines. */
void provider_key_of(struct span uid, char key_out[DIGEST_TEXT_MAX]);
/* Bytes that the listing took on the wire. */
uint64_t provider_listing_bytes(const struct provider *provider);
bool provider_has_headers(const struct provider *provider); /* may be asked for */
/* Something was fetched from it before, but the server has made all uids anew since. */
bool provider_is_renumbered(const struct provider *provider);
/* All is known that had old ones. */
bool provider_note_numbers(struct provider *provider, struct err *err) MUST_USE;

/* Another ask may go out now. Not before on_listed, nor after PROVIDER_QUIT. */
bool provider_may_ask(const struct provider *provider);
/* Only after may_ask. message: not for PROVIDER_QUIT. */
void provider_ask(struct provider *provider, enum provider_ask ask, size_t message);
/* Messages and headers that were asked for and are not answered. */
size_t provider_awaited(const struct provider *provider);

#endif
