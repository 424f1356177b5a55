/*
 * The connection pool of a flush. If the server offers CHUNKING, one connection fills any
 * link. Without it each message costs a round trip of its connection, so that a long link
 * wants several: as many as round trip and rate ask for (link/pace.h), opened one after
 * the other as these become known, or at once if the last call over the same link found
 * them.
 *
 * A link that loses packets gets several in any case. A link of which nothing is known
 * tries a second one if the first takes long, since a lost packet of a greeting costs
 * seconds, and uses the one that is ready first.
 *
 * All connections take from the one queue. A connection that the server refuses or ends
 * while others stand is no failure of the others: the server takes no more than those.
 */
#ifndef SEND_POOL_H
#define SEND_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "send/server_connection.h"
#include "transfer/remote_secret.h"

struct pool {
	struct server_connection_shared shared;
	struct server_cache cache;
	struct remote_secret secret;
	struct server_connection *first;
	ev_timer second;  /* until a second connection is tried, on an unknown link */
	ev_timer renew;   /* full connections are closed from the loop */
	unsigned limit;   /* connections that the server takes at a time; 0: not known */
	unsigned at_once; /* opened before anything is known of the server */
	unsigned most;    /* that were at work at a time */
	bool is_racing;   /* two are being made, of which the first to be ready is used */
	bool was_ready;   /* some connection was, at any time */
};

struct pool_setup {
	struct ev_loop *loop;
	struct outbound *outbound;
	const struct link_path *path;
	struct quota *quota;
	const struct send_events *events;
	void *events_ctx;
};
/* Takes up what the note remembers of earlier calls over this link. */
void pool_begin(struct pool *pool, const struct pool_setup *setup);
/* Asks for the secret, then connects. A secret that cannot be had is a loss (`lost`). */
void pool_connect(struct pool *pool);
/* Opens a connection if none stands: after a loss, in the same call. */
void pool_reconnect(struct pool *pool);
/* The present connections begin nothing more, and make room for a new one as soon as all
 * they have begun is answered. */
void pool_renew(struct pool *pool);
/* Begins what may be begun and writes what can be written, on all; opens more connections
 * if that helps. */
void pool_pump(struct pool *pool);
/* Closes all connections: see server_connection_close. */
void pool_close(struct pool *pool);

unsigned pool_count(const struct pool *pool);
/* Nothing is begun and nothing is left to write on any connection. */
bool pool_is_drained(const struct pool *pool);
/* Messages begun and not answered. */
size_t pool_unanswered(const struct pool *pool);
bool pool_has(const struct pool *pool, const char *id);
/* Body bytes of unanswered messages that the kernel was given. */
uint64_t pool_bytes_out(const struct pool *pool);
/* Bytes used on the link by the connections that stand. */
uint64_t pool_used(const struct pool *pool);
/* Bytes of the link that the messages begun still take, at most. */
uint64_t pool_begun_cost(const struct pool *pool);
/* The rate of the link as it was measured while something waited for it, or as its hook
 * told; bytes a second, 0: not known. */
uint64_t pool_rate(const struct pool *pool);

/* What the next call can begin with. */
void pool_note(const struct pool *pool, struct smarthost_note *note);

#endif
