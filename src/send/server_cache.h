/*
 * What one call learns of a smarthost's server for the next call: its addresses, in the
 * smarthost's note, so that a slow or missing name server costs nothing; and a TLS
 * session, in spool/state/tickets/NAME, which saves a turn of the handshake.
 */
#ifndef SEND_SERVER_CACHE_H
#define SEND_SERVER_CACHE_H

#include <ev.h>
#include <stdbool.h>

#include "base/buf.h"
#include "send/outbound.h"

struct dial;
struct resolve;

struct server_cache {
	struct outbound *outbound;
	struct resolve *refresh; /* the addresses are being asked for anew */
	bool are_known;          /* the addresses in the note may be used at once */
	struct buf ticket;       /* the newest; a secret */
	bool has_new_ticket;     /* it is not on disk yet */
	/* The name servers told of other addresses than those remembered. */
	void (*on_moved)(void *ctx);
	void *ctx;
};

struct server_cache_way { /* over which the name servers are asked */
	const char *name_servers;
	const char *bind_to;
};

/* Before the first connection; the call-back and outbound are set. Remembered addresses
 * are asked for anew meanwhile. */
void server_cache_recall(struct server_cache *cache, struct ev_loop *loop,
			 const struct server_cache_way *way);
/* Addresses to connect to at once; NULL: ask for them. Borrowed until they change. */
const char *server_cache_addresses(const struct server_cache *cache);
/* Nothing answered at the remembered addresses: they are asked for from now on. */
void server_cache_forget(struct server_cache *cache);
/* A connection is ready, or ends. */
void server_cache_learn(struct server_cache *cache, const struct dial *dial);
/* After the last connection: the ticket goes to disk. The note's holder writes the
 * note. */
void server_cache_keep(struct server_cache *cache);

#endif
