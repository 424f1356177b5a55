/*
 * The sessions of one process, lontar-smtpd or lontar-pop3d, and lontar-auth, which is
 * asked about each. session/doors.h lets clients in under the master, session/alone.h
 * serves one on stdin and stdout; what differs is the program's struct protocol.
 */
#ifndef SESSION_WORKER_H
#define SESSION_WORKER_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "ipc/auth.h"
#include "ipc/peer.h"
#include "net/connection.h"
#include "net/tls.h"

#define WORKER_CLIENTS_MAX 4096 /* a power of two: a tag's low bits are the place */

struct client; /* session/client.h */
struct worker;

struct protocol {
	const char *tls_service; /* TLS from the first byte on: smtps, pop3s */
	size_t clients_max;      /* at most WORKER_CLIENTS_MAX */
	size_t client_fds;       /* descriptors that one session may need */
	double stop_s;           /* for what is under way when we are told to end */
	int timeout_ms;          /* of silence, until the program sets another */
	/* Whom else the sessions ask, below root_fd; and away with it, also where nothing
	 * was connected. Both may be NULL. */
	bool (*connect)(struct worker *worker, int root_fd, struct err *err);
	void (*disconnect)(struct worker *worker);
	/* The program's session, from must_alloc, with its struct client in front, for
	 * who is at fd. */
	struct client *(*new_client)(int fd);
	connection_handler *on_connection; /* ctx: the struct client */
	/* What lontar-auth says; on_result takes fd, which may be -1. */
	void (*on_permit)(struct client *client, const struct auth_permit *permit);
	void (*on_result)(struct client *client, const struct auth_result *result,
			  int fd);
	/* Ends it where nothing is under way that must be told; else it ends itself
	 * after that, since worker->stopping. */
	void (*stop)(struct client *client);
	/* Ends it, whatever is under way. why is for the log and lives as long. */
	void (*expel)(struct client *client, const char *why);
};

struct worker {
	const struct protocol *protocol; /* set by the program */
	struct ev_loop *loop;
	struct peer *auth;      /* NULL: none, or lost */
	struct tls_server *tls; /* NULL: no certificate */
	struct client *clients[WORKER_CLIENTS_MAX];
	size_t count;
	uint32_t last_tag; /* without the place */
	int64_t last_us;   /* in a session's id; no two have the same */
	bool stopping;     /* no new sessions; those that idle end */
	struct buf ask;    /* a packet under way */
	/* Who keeps the worker, doors or alone: a client has left; somebody whom the
	 * sessions ask is gone, and they were expelled. */
	void *keeper;
	void (*on_leave)(void *keeper);
	void (*on_lost)(void *keeper, const char *who);
};

enum worker_auth {
	WORKER_AUTH_NEEDED,
	WORKER_AUTH_IF_THERE,
	WORKER_AUTH_UNASKED,
};

/* Connects to run/auth and to whomever the protocol needs, below the current folder:
 * before the sandbox. False and err: worker_clear is still due. */
bool worker_begin(struct worker *worker, struct ev_loop *loop, enum worker_auth auth,
		  struct err *err) MUST_USE;
/* Closes what worker_begin connected; the loop has nothing of it left to watch. */
void worker_hang_up(struct worker *worker);
void worker_clear(struct worker *worker);

/* A session begins: owns both descriptors. service: its name in control/listen; ip: his
 * address. lontar-auth is asked about him; where there is none, the caller goes on with
 * the protocol's on_permit. There is a free place: count says so. */
struct client *worker_let_in(struct worker *worker, int in_fd, int out_fd,
			     const char *service, const char *ip);
/* Whose question this tag is; NULL where he has left. He may have a newer one: compare.
 */
struct client *worker_client(const struct worker *worker, uint32_t tag);

/* Every session is stopped, or expelled, as the protocol has it. */
void worker_stop(struct worker *worker);
void worker_expel(struct worker *worker, const char *why);
/* For the protocol's own peers: who ("lontar-deliver is gone") can be asked no more. */
void worker_lose(struct worker *worker, const char *who);

#endif
