/*
 * The connection of a pickup, and what is asked of the server: what is known already is
 * removed there if it may be, then the rest is fetched, the smallest first; each message
 * is durable here, and known to be, before it is removed there. A long run is cut into
 * sessions, since what was removed is gone only with QUIT.
 */
#ifndef LONTAR_PICKUP_SESSION_H
#define LONTAR_PICKUP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "programs/lontar-pickup/pickup.h"

/* Begins to connect. False and err: our own settings or secret are not right. */
bool session_start(struct work *work, struct err *err) MUST_USE;

struct session_left {
	bool is_known;
	uint64_t messages; /* to be fetched */
	uint64_t bytes;
	uint64_t held;         /* too large to be */
	uint64_t partly_bytes; /* of the one that is coming in */
};
struct session_left session_left(const struct session *session);

/* Bytes used on the link by this connection, and since when it is; 0 for NULL. */
uint64_t session_used(const struct session *session);
int64_t session_age_ms(const struct session *session);

/* Closes the socket without a word. NULL does nothing. Not from within the engine's
 * call-backs. */
void session_close(struct session *session);

#endif
