/*
 * One POP3 session: the engine between a client's connection, lontar-auth and, once he is
 * logged in, the lontar-mailbox that has his mailbox open.
 */
#ifndef POP3D_SESSION_H
#define POP3D_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/span.h"
#include "control/accounts.h"
#include "ipc/auth.h"
#include "pop3/server.h"
#include "session/client.h"

struct session {
	struct client client; /* first */
	char user[ACCOUNT_NAME_MAX];
	bool is_permitted;
	struct pop3_server *server; /* NULL until lontar-auth permits the session */
	enum pop3_event asked; /* LOGIN, OPEN, UPDATE: the answer is awaited; else WAIT */
	struct peer *mailbox;
	int message_fd;
	off_t offset;
	int full_timeout_ms; /* once logged in */
	bool input_over;     /* the client will say no more */
	bool update_due;     /* when all that was said has left */
	const char *over;    /* why the session ends, at the end of this turn */
};

/* For worker.protocol. */
extern const struct protocol pop3d_protocol;

/* Lets the engine go on, and the session end where it is over: the last thing a call-back
 * does. */
void session_go_on(struct session *session);

/* The engine says "-ERR text" where it may, and the session ends. */
void session_stop(struct session *session, struct span text, const char *why);
/* Stops it if nothing is under way. */
void session_stop_if_idle(struct session *session);

/* What session.c has for its parts: the connection's events. */
connection_handler session_on_connection;

/* session_mailbox.c: the way to lontar-mailbox. */
void session_mailbox_open(struct session *session, int mailbox_fd);
void session_mailbox_ask(struct session *session);    /* for the engine's OPEN */
void session_mailbox_update(struct session *session); /* for its UPDATE */

#define SESSION_TEMPORARY "[SYS/TEMP] something is wrong here, try again later"

#endif
