/* What server_connection.c (the connection's life) and transmit.c (what goes over it)
 * share. Nothing else includes this. */
#ifndef SEND_SERVER_CONNECTION_PRIVATE_H
#define SEND_SERVER_CONNECTION_PRIVATE_H

#include "base/buf.h"
#include "net/dial.h"
#include "send/outgoing.h"
#include "send/protocol.h"
#include "send/server_connection.h"

#define CHUNK_BYTES ((size_t)16384) /* one TLS record */

struct server_connection {
	struct server_connection *next; /* of the pool */
	struct server_connection_shared *shared;
	const struct server_connection_handler *handler;
	void *ctx;
	struct dial *dial;
	struct protocol *protocol; /* NULL until connected */
	struct convert_need need;  /* what mail must be for this server */
	struct outgoing *first;    /* begun and not answered, in order */
	struct outgoing **end;
	unsigned generation;
	uint64_t begun;    /* messages, since it was connected */
	unsigned answered; /* of them */
	ev_io io;
	ev_timer deadline;
	ev_timer look;    /* at what TCP knows to have arrived: no event tells of it */
	struct buf chunk; /* being written: the same bytes until they are all gone */
	size_t chunk_sent;
	uint64_t chunk_base; /* bytes that TCP had taken before the chunk */
	uint64_t taken;      /* bytes that TCP has taken, after the last chunk */
	bool is_writing;     /* something is left to write, or may be */
	bool is_by_memory;   /* it dials remembered addresses */
	bool is_plain;       /* a handshake failed, and TLS was only to be tried */
	bool has_moved;      /* bytes, in or out, since the deadline was set */
	bool is_corked;      /* TCP keeps a segment that is not full */
	uint32_t segments;   /* that TCP had sent at the last look, */
	uint32_t losses;     /* and those of them that were lost */
	bool is_steady;      /* the congestion control is for a link that loses packets
			      */
	enum smtp_client_end how; /* it ended, as far as it has */
	bool is_half_answered;    /* see send_loss */
	bool is_swallowed;        /* as in send_loss */
	bool is_chunked;          /* bodies go by BDAT */
};

/* Takes the message out of the list of those not answered. */
void server_connection_unlink(struct server_connection *connection,
			      struct outgoing *message);

/* Both false: the conversation is over, and err says why. */
bool transmit_read(struct server_connection *connection, struct err *err) MUST_USE;
bool transmit_write(struct server_connection *connection, struct err *err) MUST_USE;

/* Sets how much may be in doubt, by what is seen of round trip and rate. */
void transmit_set_window(struct server_connection *connection);
/* Bytes of the stream that have left for the wire, at least once. */
/* The server's side has acknowledged all that was sent: the line is alive. */
bool transmit_is_acknowledged(const struct server_connection *connection);
uint64_t transmit_bytes_acked(const struct server_connection *connection);
uint64_t transmit_bytes_out(const struct server_connection *connection);

#endif
