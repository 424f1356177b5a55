/*
 * What every long-lived program does to be one of the gateway's: take its sockets from
 * the master on descriptor 3, run an event loop, say that it is ready, end when told or
 * when the master is gone.
 *
 * A started program's current folder is the gateway's root.
 */
#ifndef IPC_SERVICE_H
#define IPC_SERVICE_H

#include <ev.h>

#include "base/attr.h"
#include "base/err.h"
#include "ipc/peer.h"

struct service_listener {
	char name[16]; /* smtp, pop3s, ... or auth, deliver, link */
	char address[64];
	int fd;
};

#define SERVICE_LISTENERS_MAX 64

struct service {
	struct ev_loop *loop;
	struct peer *master; /* NULL where the program was not started by one */
	struct service_listener listeners[SERVICE_LISTENERS_MAX];
	size_t listener_count;
	int certificate_fd; /* -1 where there is none */
	int key_fd;
	void *ctx; /* for the call-backs below, the program's own */
	/* All may be NULL. SIGTERM: finish what you have, then ev_break; default: at
	 * once. */
	void (*on_stop)(struct service *service);
	/* SIGHUP: what was read once should be read again. */
	void (*on_reload)(struct service *service);
	/* New certificate and key have arrived (certificate_fd, key_fd). */
	void (*on_certificate)(struct service *service);
	/* MASTER_ENDED and whatever else the master says later. */
	bool (*on_packet)(struct service *service, struct packet *packet, int fd);
	ev_signal term;
	ev_signal hup;
};

/* Takes everything up to MASTER_GO (waiting for it), sets up the loop and its signals.
 * The caller has set the call-backs; false and err without a master on descriptor 3. */
bool service_begin(struct service *service, struct err *err) MUST_USE;

/* Says MASTER_READY and runs the loop until ev_break. */
void service_run(struct service *service);

/* For a program that was started for somebody (flush, pickup) and has a loop of its own:
 * it ends when the master is gone, however he died. For peer_close. */
struct peer *service_tie(struct ev_loop *loop) MUST_USE;

/* Asks the master to start a program (ipc/master.h); private_fd is closed here. */
void service_start(struct service *service, const char *role, const char *name,
		   int private_fd);

#endif
