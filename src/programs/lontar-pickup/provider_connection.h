/*
 * The connection of a pickup, and what is asked of the server: what is known already is
 * removed there if it may be, then the rest is fetched, the smallest first; each message
 * is durable here, and known to be, before it is removed there. A long run is cut into
 * sessions, since what was removed is gone only with QUIT.
 */
#ifndef LONTAR_PICKUP_PROVIDER_CONNECTION_H
#define LONTAR_PICKUP_PROVIDER_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "programs/lontar-pickup/pickup.h"

/* Begins to connect. False and err: our own settings or secret are not right. */
bool provider_connection_start(struct work *work, struct err *err) MUST_USE;

struct provider_connection_left {
	bool is_known;
	uint64_t messages; /* to be fetched */
	uint64_t bytes;
	uint64_t held;         /* too large to be */
	uint64_t partly_bytes; /* of the one that is coming in */
};
struct provider_connection_left
provider_connection_left(const struct provider_connection *connection);

/* Bytes used on the link by this connection, and since when it is; 0 for NULL. */
uint64_t provider_connection_used(const struct provider_connection *connection);
int64_t provider_connection_age_ms(const struct provider_connection *connection);

/* Closes the socket without a word. NULL does nothing. Not from within the engine's
 * call-backs. */
void provider_connection_close(struct provider_connection *connection);

#endif
