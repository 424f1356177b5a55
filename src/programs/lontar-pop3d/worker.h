/*
 * All sessions of this process, and lontar-auth, which is asked about each of them over
 * one socket.
 */
#ifndef POP3D_WORKER_H
#define POP3D_WORKER_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include "ipc/peer.h"
#include "net/tls.h"

struct session;

struct worker {
	struct ev_loop *loop;
	struct peer *auth;      /* NULL once lost */
	struct tls_server *tls; /* NULL: no TLS */
	struct session *sessions;
	size_t count;
	uint32_t last_tag;
	int64_t last_us; /* in a session's id */
	bool stopping;   /* no new sessions; those that idle end */
	struct buf ask;  /* a packet under way */
	/* The program's own: a session has ended; lontar-auth is gone. */
	void (*on_session_end)(struct worker *worker);
	void (*on_auth_lost)(struct worker *worker);
};

/* Connects to run/auth below the current folder; before the sandbox. The caller then sets
 * its call-backs, and tls. */
bool worker_begin(struct worker *worker, struct ev_loop *loop, struct err *err) MUST_USE;
void worker_clear(struct worker *worker);

/* Ends the sessions that idle at once, the others when they have said their say. */
void worker_stop(struct worker *worker);

#endif
