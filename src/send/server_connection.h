/*
 * One connection to the smarthost: it dials, sends one message after the other, and ends.
 * What of each message has left the kernel decides what a lost link leaves uncertain.
 * transmit.c is the part that writes and reads.
 */
#ifndef SEND_SERVER_CONNECTION_H
#define SEND_SERVER_CONNECTION_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/pace.h"
#include "send/events.h"
#include "send/outbound.h"
#include "send/server_cache.h"
#include "transfer/link_path.h"
#include "transfer/quota.h"

struct server_connection;

/* What all connections of a pool have in common; the pool's. */
struct server_connection_shared {
	struct ev_loop *loop;
	struct outbound *outbound;
	struct server_cache *cache;
	const struct link_path *path;
	struct quota *quota;
	char *secret; /* of the login; NULL: none */
	struct pace pace;
	enum send_gate gate;
	unsigned turns; /* round trips that a message costs without sending; 0: none */
	unsigned mss;   /* largest TCP segment that passes the link; 0: any */
	unsigned connected;      /* connections that are */
	size_t most_messages;    /* in doubt at a time; 0: by rate and round trip */
	uint64_t per_connection; /* messages that one connection may carry; 0: any number
				  */
	const char *mechanism;   /* by which the login worked last; NULL: not known */
	bool pipelining_worked;  /* commands sent together were all answered once */
	bool chunking_worked;    /* a body by BDAT was answered once */
	bool avoid_chunking;     /* offers that are not believed */
	bool avoid_pipelining;
	bool avoid_parameters; /* of MAIL: SIZE=, BODY= */
	unsigned generation;   /* connections of an earlier one begin nothing more */
	const struct send_events *events;
	void *events_ctx;
};

/* What a connection tells its pool. */
struct server_connection_handler {
	void (*ready)(void *ctx, struct server_connection *connection,
		      const struct smtp_offer *offer);
	void (*progress)(void *ctx);
	/* It has ended, and its messages were handed back; it is freed afterwards. */
	void (*lost)(void *ctx, const struct server_connection *connection,
		     const struct send_loss *loss);
};

/* Begins to connect. The connection is freed by server_connection_close, or after
 * handler->lost. */
struct server_connection *
server_connection_start(struct server_connection_shared *shared,
			const struct server_connection_handler *handler, void *ctx);
/* Dials again, if it is not connected yet: the server's addresses have changed. */
void server_connection_redial(struct server_connection *connection);
/* Begins what may be begun and writes what can be written. */
void server_connection_pump(struct server_connection *connection);
/* Ends it: with QUIT, which is not waited for, if all is answered; else what was begun
 * and not answered is handed back. The handler is not called. */
void server_connection_close(struct server_connection *connection);

/* The pool's list. */
struct server_connection *
server_connection_next(const struct server_connection *connection);
void server_connection_link(struct server_connection *connection,
			    struct server_connection *next);

/* Once it is ready; borrowed. */
const struct dial *server_connection_dial(const struct server_connection *connection);
bool server_connection_is_ready(const struct server_connection *connection);
/* Nothing is begun, and nothing is left to write. */
bool server_connection_is_drained(const struct server_connection *connection);
/* It has carried as many messages as it may. */
bool server_connection_is_full(const struct server_connection *connection);
/* Messages begun and not answered. */
size_t server_connection_unanswered(const struct server_connection *connection);
bool server_connection_has(const struct server_connection *connection, const char *id);
/* Body bytes of unanswered messages that the kernel was given, for progress. */
uint64_t server_connection_bytes_out(const struct server_connection *connection);
/* Bytes used on the link so far. */
uint64_t server_connection_used(const struct server_connection *connection);
/* Bytes of the link that the unanswered messages still take, at most. */
uint64_t server_connection_begun_cost(const struct server_connection *connection);

#endif
