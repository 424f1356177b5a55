/*
 * The sockets in run/: how our programs meet, and how packets and descriptors cross.
 *
 * Blocking use, with a deadline. Programs with an event loop use ipc/peer.h on top.
 */
#ifndef IPC_CHANNEL_H
#define IPC_CHANNEL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

enum channel_got {
	CHANNEL_PACKET, /* in holds one whole packet */
	CHANNEL_EMPTY,  /* nothing now (EAGAIN, or the deadline passed) */
	CHANNEL_CLOSED, /* the other end is gone; also after any socket error */
};

/* Connects to run/NAME below root_fd, or listens there (a stale socket is replaced).
 * Works where the path is too long for sun_path. -1 and err; nobody listening there is
 * a temporary err with exit code EX_UNAVAILABLE. Both close-on-exec; the listener is
 * non-blocking, the connection blocking. */
int channel_connect(int root_fd, const char *name, struct err *err) MUST_USE;
int channel_listen(int root_fd, const char *name, mode_t mode, struct err *err) MUST_USE;

/* Sends one packet and, unless -1, a copy of pass_fd (which stays the caller's).
 * Waits while the socket is full, where the socket blocks. */
bool channel_send(int fd, const struct buf *packet, int pass_fd,
		  struct err *err) MUST_USE;

/* Takes one packet into in (replacing what it held; ceiling PACKET_MAX). A descriptor
 * that came with it goes to *fd_out, which is the caller's to close, else -1; where
 * fd_out is NULL it is closed at once. Does not wait when fd is non-blocking. */
enum channel_got channel_receive(int fd, struct buf *in, int *fd_out);

/* As channel_receive, but waits up to timeout_ms (-1: for ever), blocking fd or not. */
enum channel_got channel_wait(int fd, int timeout_ms, struct buf *in, int *fd_out);

/* The other end's uid and pid (SO_PEERCRED). */
bool channel_peer(int fd, uid_t *uid_out, pid_t *pid_out, struct err *err) MUST_USE;

#endif
