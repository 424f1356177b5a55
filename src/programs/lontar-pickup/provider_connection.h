/*
 * One connection to the provider: it is made, moves the bytes of a conversation, and ends
 * when the server is silent for too long. What happens is told through fetch_events.h.
 */
#ifndef LONTAR_PICKUP_PROVIDER_CONNECTION_H
#define LONTAR_PICKUP_PROVIDER_CONNECTION_H

#include <ev.h>
#include <stdint.h>

#include "programs/lontar-pickup/conversation.h"
#include "programs/lontar-pickup/fetch_events.h"
#include "programs/lontar-pickup/remote_mailbox.h"

struct provider_connection;

/* Begins to connect, over mailbox->path. secret: of the login, borrowed for the call; all
 * else is borrowed until provider_connection_close. */
struct provider_connection *provider_connection_open(struct ev_loop *loop,
						     const struct remote_mailbox *mailbox,
						     const char *secret,
						     const struct fetch_events *events,
						     void *ctx);

/* All take NULL for no connection. */
struct fetch_left provider_connection_left(const struct provider_connection *connection);
/* Bytes used on the link, and since when it is open. */
uint64_t provider_connection_used(const struct provider_connection *connection);
int64_t provider_connection_age_ms(const struct provider_connection *connection);

/* Closes the socket without a word. NULL does nothing. From within a function of events
 * only if that is its last one. */
void provider_connection_close(struct provider_connection *connection);

#endif
