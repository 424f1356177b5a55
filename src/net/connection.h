/*
 * One client's connection on an event loop: socket, TLS when asked, bytes in and out, and
 * one deadline. Session programs put their protocol engine behind it.
 */
#ifndef NET_CONNECTION_H
#define NET_CONNECTION_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/span.h"
#include "net/tls.h"

enum connection_event {
	CONNECTION_INPUT,    /* more plain text is in connection_input */
	CONNECTION_DRAINED,  /* all that was written has left */
	CONNECTION_DEADLINE, /* the time set has passed */
	CONNECTION_CLOSED,   /* the peer is gone (what he sent before is in the input) */
};

struct connection;
typedef void connection_handler(void *ctx, enum connection_event event);

/* Owns both descriptors (the same one for a socket; 0 and 1 under tcpserver) and makes
 * them non-blocking until it closes them. Events come from the loop only, never from
 * within these functions. The program ignores SIGPIPE. ctx is borrowed. */
struct connection *connection_open(struct ev_loop *loop, int in_fd, int out_fd,
				   connection_handler *handler, void *ctx);
/* Drops whatever is not sent. May be called from within the handler. NULL does nothing.
 */
void connection_close(struct connection *connection);
/* Closes when all that was written has left, or after a few seconds; no more events. The
 * loop goes on (ev_run does not return) until then. */
void connection_finish(struct connection *connection);

/* Plain text not taken yet; take it with buf_consume, and call this anew each time.
 * Reading stops while it is full (64 KiB), so a slow engine slows its peer; it also stops
 * while much that was written has not left. */
struct buf *connection_input(struct connection *connection);
/* Stops and resumes reading, and CONNECTION_INPUT with it, which comes at once when there
 * is input left. A paused connection is not told that its peer is gone. */
void connection_pause(struct connection *connection, bool pause);

/* Queues; sent when the handler has returned. Before the TLS handshake is done it waits
 * for that (a greeting). Dropped when the peer is gone. */
void connection_write(struct connection *connection, struct span bytes);
/* Bytes written and not yet sent: an engine with much to say waits for DRAINED. */
size_t connection_backlog(const struct connection *connection);

/* From the next byte on the peer speaks TLS. Plain bytes that came after the command are
 * thrown away (command injection, CVE-2011-0411): consume the command first. What was
 * written before leaves plain. */
void connection_start_tls(struct connection *connection, struct tls_server *server);
/* NULL while in plain text or in the handshake; "TLSv1.3 ..." borrowed. */
const char *connection_tls(const struct connection *connection);
/* After CLOSED: what went wrong, for the log ("TLS handshake: http request"); NULL where
 * the peer just closed. He who closed his sending side only may still be written to. */
const char *connection_failure(const struct connection *connection);
/* He cannot be written to either. Where that comes about after CLOSED, CLOSED is told
 * once more: who waits for DRAINED would wait for ever. */
bool connection_is_broken(const struct connection *connection);

/* One CONNECTION_DEADLINE after so many ms, unless set anew; 0: none. */
void connection_set_deadline(struct connection *connection, int timeout_ms);

#endif
