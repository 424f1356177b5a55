/*
 * Bytes to and from one peer over a socket or two pipes, plain or through TLS: what has
 * come, what waits to leave, and whether he is still there. It watches nothing and waits
 * for nothing; net/connection.h puts it on an event loop.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "net/tls.h"

struct stream {
	int in_fd, out_fd;
	int in_flags, out_flags; /* to restore: others may share a terminal or pipe */
	struct buf in;           /* plain text, for the owner to consume */
	struct buf out;          /* as it goes over the wire */
	struct buf early;        /* plain text for when the handshake is done */
	struct tls *tls;         /* NULL: plain */
	bool at_end;             /* the peer will say no more */
	bool broken;             /* nor can he be told anything */
	struct err failure;      /* of a broken one; ERR_NONE: the peer just left */
};

/* Owns both descriptors (they may be the same one) and makes them non-blocking until it
 * closes them. Filled in place of what was there. */
void stream_open(struct stream *stream, int in_fd, int out_fd);
void stream_close(struct stream *stream);

/* From the next byte on the peer speaks TLS; what came before is thrown away. */
void stream_start_tls(struct stream *stream, struct tls_server *server);
/* Nothing more is written: drops what waits for a handshake, and says close_notify. */
void stream_finish(struct stream *stream);

/* Room for what the peer says, and not too much that he has not read. */
bool stream_has_room(const struct stream *stream);
/* TLS has plain text that `in` had no room for; stream_take_held when there is some. */
bool stream_is_holding(const struct stream *stream);
void stream_take_held(struct stream *stream);
/* Reads once. Only with room, and while nothing is held. */
void stream_receive(struct stream *stream);
/* Reads once, and forgets it. */
void stream_discard(struct stream *stream);

/* Queues; a broken stream forgets it. */
void stream_write(struct stream *stream, struct span bytes);
/* Bytes written and not sent. */
size_t stream_backlog(const struct stream *stream);
/* Sends what the socket takes now. */
void stream_send(struct stream *stream);

#endif
