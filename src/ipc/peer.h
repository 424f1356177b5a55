/*
 * The other end of a local socket, on an event loop: packets come in by call-back, go
 * out at once or as soon as the socket has room. What the peer sends is not trusted; the
 * call-backs are called from the loop only, never from within peer_send.
 */
#ifndef IPC_PEER_H
#define IPC_PEER_H

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "ipc/packet.h"

struct peer;

struct peer_handler {
	/* fd is a descriptor that came along, the callee's to close, or -1. False: the
	 * packet makes no sense; the peer is closed (on_closed is called). */
	bool (*on_packet)(void *ctx, struct peer *peer, struct packet *packet, int fd);
	/* The last word about this peer: it is freed when this returns. Not called for
	 * peer_close. */
	void (*on_closed)(void *ctx, struct peer *peer);
};

/* Owns fd and makes it non-blocking. ctx is borrowed until the peer is closed. */
struct peer *peer_open(struct ev_loop *loop, int fd, const struct peer_handler *handler,
		       void *ctx);
/* May be called from within the peer's own call-back. NULL does nothing. */
void peer_close(struct peer *peer);

/* Queues a packet, with a copy of pass_fd unless that is -1. A peer that lets more than
 * a few megabytes (or what peer_limit set) wait unread, or that can be told nothing any
 * more, is closed, soon after, by the loop. */
void peer_send(struct peer *peer, const struct buf *packet, int pass_fd);

/* How many bytes may wait for this peer, what keeping them costs counted in. */
void peer_limit(struct peer *peer, size_t queue_bytes);

/* Who is there (SO_PEERCRED at opening; -1, 0 where unknown). */
uid_t peer_uid(const struct peer *peer);
pid_t peer_pid(const struct peer *peer);

#endif
