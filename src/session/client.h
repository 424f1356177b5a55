/* What every session has, whatever its protocol; the first member of the program's own
 * struct. Begun by worker_let_in. */
#ifndef SESSION_CLIENT_H
#define SESSION_CLIENT_H

#include "base/span.h"
#include "net/listener.h"
#include "session/worker.h"

#define CLIENT_ID_MAX 20

struct client {
	struct worker *worker;
	size_t place;           /* in worker->clients */
	uint32_t tag;           /* at lontar-auth */
	char id[CLIENT_ID_MAX]; /* in the log and in Received lines */
	char service[16];       /* its name in control/listen */
	char ip[LISTENER_ADDRESS_MAX];
	struct connection *connection;
	int timeout_ms; /* of silence */
};

/* A number that no other question of this client, or of one before him, has; never 0. */
uint32_t client_tag(const struct client *client);

/* TLS from the first byte on. */
bool client_is_tls_service(const struct client *client);
/* "TLSv1.3", borrowed, or "no": for the log. */
struct span client_tls(const struct client *client);

/* A new deadline. */
void client_renew(struct client *client);

/* Asks lontar-auth about a name and its password; the answer is the protocol's on_result.
 * No copy of the password is left. */
void client_ask_login(const struct client *client, struct span user,
		      struct span password);

/* The session is over: what was written still leaves. The worker forgets the client, whom
 * the caller frees right after. */
void client_leave(struct client *client);

#endif
