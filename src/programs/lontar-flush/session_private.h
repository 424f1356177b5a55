/* What session.c (the connection's life) and stream.c (what goes over it) share. Nobody
 * else includes this. */
#ifndef LONTAR_FLUSH_SESSION_PRIVATE_H
#define LONTAR_FLUSH_SESSION_PRIVATE_H

#include "base/buf.h"
#include "mime/plan.h"
#include "net/dial.h"
#include "programs/lontar-flush/engine.h"
#include "programs/lontar-flush/session.h"

#define CHUNK_BYTES ((size_t)16384) /* one TLS record */

struct session {
	struct session *next; /* of the lanes */
	struct flush *flush;
	struct dial *dial;
	struct engine *client;    /* NULL until connected */
	struct convert_need need; /* what mail must be for this server */
	struct mail *first;       /* begun and not answered, in order */
	struct mail **end;
	ev_io io;
	ev_timer deadline;
	ev_timer look;    /* at what TCP knows to have arrived: no event tells of it */
	struct buf chunk; /* being written: the same bytes until they are all gone */
	size_t chunk_sent;
	uint64_t chunk_base; /* bytes that TCP had taken before it */
	uint64_t taken;      /* bytes that TCP has taken, after the last chunk */
	bool writing;        /* something is left to write, or may be */
	bool by_memory;      /* dialled by remembered addresses */
	bool plain;          /* a handshake failed, and TLS was only to be tried */
	bool moved;          /* bytes, in or out, since the deadline was set */
	bool corked;         /* TCP keeps a segment that is not full */
	bool steady;         /* the congestion control is for a link that loses packets */
};

/* Both false: the conversation is over, and err says why. */
bool stream_read(struct session *session, struct err *err) MUST_USE;
bool stream_write(struct session *session, struct err *err) MUST_USE;

/* By what is seen of round trip and rate. */
void stream_set_window(struct session *session);
/* Bytes of the stream that have left for the wire, at least once. */
uint64_t stream_bytes_out(const struct session *session);

#endif
