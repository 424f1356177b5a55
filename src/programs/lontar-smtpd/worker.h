/*
 * All sessions of this process, and the two they ask: lontar-auth about clients,
 * lontar-deliver about mail, one socket each.
 */
#ifndef SMTPD_WORKER_H
#define SMTPD_WORKER_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "ipc/auth.h"
#include "ipc/peer.h"
#include "net/tls.h"

#define WORKER_SESSIONS_MAX 4096 /* a power of two: a tag's low bits are the place */

struct session;

struct worker {
	struct ev_loop *loop;
	struct peer *auth;      /* NULL: none; see session_open */
	struct peer *deliver;   /* NULL: lost */
	struct tls_server *tls; /* NULL: no certificate */
	struct session *sessions[WORKER_SESSIONS_MAX];
	size_t count;
	size_t count_max;  /* what there are descriptors for */
	uint32_t last_tag; /* without the place */
	int64_t last_us;   /* when a session began; no two have the same */
	bool stopping;     /* no new sessions; those that idle end */
	struct buf ask;    /* a packet under way */
	/* The program's own. Changes what lontar-auth permits (may be NULL); a session
	 * has ended; one of the two is gone and all sessions are ending. */
	void (*amend)(struct auth_permit *permit);
	void (*on_session_end)(struct worker *worker);
	void (*on_lost)(struct worker *worker, const char *who);
};

/* Owns both descriptors; auth_fd may be -1. */
void worker_begin(struct worker *worker, struct ev_loop *loop, int auth_fd,
		  int deliver_fd);
void worker_clear(struct worker *worker);

/* A free place for a session; WORKER_SESSIONS_MAX where there is none. */
size_t worker_place(const struct worker *worker);
/* A number that no other question of this session, or of one before it, has. */
uint32_t worker_tag(struct worker *worker, size_t place);

/* Ends the sessions with 421, those that await a commit after its answer. */
void worker_stop(struct worker *worker);
/* Ends them all, whatever they await: nothing was promised to them. */
void worker_expel(struct worker *worker, const char *why);

#endif
