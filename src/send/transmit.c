#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "send/delivery_log.h"
#include "send/disposition.h"
#include "send/server_connection_private.h"

#define CHUNKS_A_TURN   16
#define WINDOW_MESSAGES 128
#define LATE_MAX        2 /* answers, of what fills the link */
#define RTO_MAX_MS      120000
#define RTO_LOSSY_MS    2000 /* at least; else four round trips */
#define MARK_AHEAD      8    /* files renamed together, if one message is in doubt */

static void tcp_state(const struct server_connection *connection,
		      struct tcp_info *info_out)
{
	socklen_t len = sizeof(*info_out);

	*info_out = (struct tcp_info){ 0 };
	if (getsockopt(dial_fd(connection->dial), IPPROTO_TCP, TCP_INFO, info_out,
		       &len) != 0)
		log_debug("smarthost=%s no TCP_INFO",
			  connection->shared->outbound->smarthost.name);
}

/* Bytes of the stream (TLS included) that TCP was given, and that have left for the
 * wire at least once. */
static uint64_t bytes_sent(const struct tcp_info *info)
{
	return info->tcpi_bytes_sent - info->tcpi_bytes_retrans;
}

static uint64_t bytes_taken(const struct tcp_info *info)
{
	return bytes_sent(info) + info->tcpi_notsent_bytes;
}

bool transmit_is_acknowledged(const struct server_connection *connection)
{
	struct tcp_info info;

	tcp_state(connection, &info);
	return !info.tcpi_unacked && !info.tcpi_notsent_bytes;
}

uint64_t transmit_bytes_acked(const struct server_connection *connection)
{
	struct tcp_info info;

	tcp_state(connection, &info);
	return info.tcpi_bytes_acked;
}

uint64_t transmit_bytes_out(const struct server_connection *connection)
{
	struct tcp_info info;
	uint64_t sent, other;

	tcp_state(connection, &info);
	sent = bytes_sent(&info);
	/* Two ways to count; the one that leaves more in doubt is believed. */
	other = info.tcpi_notsent_bytes < connection->taken
			? connection->taken - info.tcpi_notsent_bytes
			: 0;
	return other > sent ? other : sent;
}

/* What the server has, as TCP knows, and has not answered: some servers' replies leave in
 * two Nagled writes, and this does not burden the link. */
static uint64_t arrived(const struct server_connection *connection,
			const struct tcp_info *info)
{
	uint64_t bytes = 0;

	for (const struct outgoing *message = connection->first;
	     message && message->written; message = message->next)
		if (message->mark < info->tcpi_bytes_acked)
			bytes += message->wire_bytes;
	return bytes;
}

/* What this connection has seen since the last look. What TCP sent twice for nothing (a
 * duplicate arrived, RFC 2883) was not lost; such news may come late. */
static void take_segments(struct server_connection *connection,
			  const struct tcp_info *info, struct pace_sample *sample)
{
	uint32_t lost = info->tcpi_total_retrans > info->tcpi_dsack_dups
				? info->tcpi_total_retrans - info->tcpi_dsack_dups
				: 0;

	sample->segments = info->tcpi_data_segs_out - connection->segments;
	sample->losses = (int64_t)lost - connection->losses;
	connection->segments = info->tcpi_data_segs_out;
	connection->losses = lost;
}

static bool set_control(const struct server_connection *connection, const char *name)
{
	return setsockopt(dial_fd(connection->dial), IPPROTO_TCP, TCP_CONGESTION, name,
			  (socklen_t)strlen(name)) == 0;
}

#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44 /* since Linux 6.15 */
#endif

/* The pause before a segment is sent once more doubles each time. If one in five is
 * lost, it soon is longer than all the rest takes, for nothing. */
static void set_longest_pause(const struct server_connection *connection, bool is_lossy)
{
	uint64_t trips_ms = connection->shared->pace.rtt_us / 250;
	int longest_ms = RTO_MAX_MS;

	if (is_lossy && trips_ms < RTO_MAX_MS)
		longest_ms = trips_ms > RTO_LOSSY_MS ? (int)trips_ms : RTO_LOSSY_MS;
	/* An older kernel goes on doubling. */
	(void)!setsockopt(dial_fd(connection->dial), IPPROTO_TCP, TCP_RTO_MAX_MS,
			  &longest_ms, sizeof(longest_ms));
}

/* Of what the kernel lets every user choose. Without it the mail takes longer. */
static void be_steady(struct server_connection *connection, bool is_wanted)
{
	if (connection->is_steady == is_wanted)
		return;
	connection->is_steady = is_wanted;
	set_longest_pause(connection, is_wanted);
	if (is_wanted ? !set_control(connection, "bbr")
		      : !set_control(connection, "cubic") &&
				!set_control(connection, "reno"))
		log_debug("smarthost=%s keeps its congestion control",
			  connection->shared->outbound->smarthost.name);
}

void transmit_set_window(struct server_connection *connection)
{
	struct server_connection_shared *shared = connection->shared;
	const struct queue *queue = &shared->outbound->queue;
	struct pace *pace = &shared->pace;
	uint64_t flight, late;
	size_t left = queue_left(queue);
	struct pace_sample sample;
	struct tcp_info info;

	tcp_state(connection, &info);
	sample = (struct pace_sample){
		.rtt_us = info.tcpi_rtt,
		.min_rtt_us = info.tcpi_min_rtt == UINT32_MAX ? 0 : info.tcpi_min_rtt,
		.bytes_per_s = info.tcpi_delivery_rate,
		.window_bytes = (uint64_t)info.tcpi_snd_cwnd * info.tcpi_snd_mss,
		/* What one of several sees is not the link's rate. */
		.idle = info.tcpi_delivery_rate_app_limited || shared->connected > 1,
	};
	take_segments(connection, &info, &sample);
	pace_take(pace, &sample);
	be_steady(connection, pace_is_steady(pace));
	flight = pace_flight(pace, left ? queue->left_bytes / left : 0);
	late = arrived(connection, &info);
	if (late > LATE_MAX * flight)
		late = LATE_MAX * flight;
	protocol_set_window(connection->protocol,
			    shared->most_messages ? shared->most_messages
						  : WINDOW_MESSAGES,
			    flight + late);
}

static void begin(struct server_connection *connection, struct outgoing *message)
{
	const struct outbound *outbound = connection->shared->outbound;

	if (message->left_why)
		log_info("unconverted smarthost=%s id=%s reason=%s",
			 outbound->smarthost.name, message->name.id, message->left_why);
	delivery_log_begin(connection->shared->outbound, message);
	*connection->end = message;
	connection->end = &message->next;
	connection->begun++;
	protocol_start(
		connection->protocol,
		&(struct smtp_client_message){ .tag = message,
					       .sender = message->sender,
					       .recipients = message->recipients,
					       .count = message->count,
					       .wire_bytes = message->wire_bytes,
					       .eight_bit = message->limits.eight_bit });
}

enum begun {
	BEGUN,         /* or passed over */
	NONE_TO_BEGIN, /* none is left, or not now */
	BEGIN_FAILED,
};

/* How many files are renamed together to "being sent". */
static size_t batch_size(const struct server_connection_shared *shared)
{
	size_t ahead = shared->most_messages;

	if (!ahead || ahead > QUEUE_BATCH_MAX)
		return QUEUE_BATCH_MAX;
	return ahead < MARK_AHEAD ? MARK_AHEAD : ahead;
}

static void begin_one(struct server_connection *connection, struct parked_name *name)
{
	struct server_connection_shared *shared = connection->shared;
	struct outgoing *message =
		disposition_open(shared->outbound, name, NULL, &connection->need);

	if (message && shared->events->admit(shared->events_ctx, message))
		begin(connection, message);
}

bool server_connection_is_full(const struct server_connection *connection)
{
	uint64_t most = connection->shared->per_connection;

	return connection->generation != connection->shared->generation ||
	       (most && connection->begun >= most);
}

static enum begun begin_next(struct server_connection *connection, struct err *err)
{
	struct server_connection_shared *shared = connection->shared;
	struct queue *queue = &shared->outbound->queue;
	const struct parked_name *next = queue_peek(queue);
	struct order_limits limits;
	struct parked_name name;

	if (queue_is_short(queue))
		shared->events->list_short(shared->events_ctx);
	if (!next || shared->gate != GATE_OPEN || server_connection_is_full(connection) ||
	    !protocol_may_start(connection->protocol, next->wire_bytes))
		return NONE_TO_BEGIN;
	limits = shared->events->limits(shared->events_ctx);
	if (!order_fits(next, &limits))
		return queue_pass(queue, err) ? BEGUN : BEGIN_FAILED;
	if (queue_take(queue, batch_size(shared), &name, err))
		begin_one(connection, &name);
	else if (err->exit_code != EX_NOINPUT)
		return BEGIN_FAILED;
	return BEGUN;
}

/* Takes the message out of the list. Most are the first; one that was refused here at
 * once is not. */
void server_connection_unlink(struct server_connection *connection,
			      struct outgoing *message)
{
	struct outgoing **at = &connection->first;

	while (*at && *at != message)
		at = &(*at)->next;
	if (*at)
		*at = message->next;
	if (connection->end == &message->next)
		connection->end = at;
	message->next = NULL;
}

static void take_results(struct server_connection *connection)
{
	struct server_connection_shared *shared = connection->shared;
	struct smtp_client_result *result;

	while ((result = protocol_take(connection->protocol))) {
		struct outgoing *message = result->tag;

		server_connection_unlink(connection, message);
		connection->answered++;
		if (shared->turns && message->written)
			pace_take_message(
				&shared->pace, message->wire_bytes,
				(uint64_t)(clock_monotonic_us() - message->began_us));
		shared->events->result(shared->events_ctx, message, result,
				       SEND_ANSWERED);
	}
}

static bool put_body(struct server_connection *connection, struct outgoing *message,
		     bool dots, struct err *err)
{
	bool end;

	if (!message->begun) {
		outgoing_rewind(message, dots);
		message->began_us = clock_monotonic_us();
	}
	message->begun = true;
	if (!outgoing_encode(message, CHUNK_BYTES - connection->chunk.len,
			     &connection->chunk, &end, err))
		return false;
	if (end) {
		message->written = true;
		message->mark = connection->chunk_base + connection->chunk.len;
		protocol_body_done(connection->protocol);
	}
	return true;
}

static void put_commands(struct server_connection *connection, struct buf *commands)
{
	size_t some = CHUNK_BYTES - connection->chunk.len;

	if (some > commands->len)
		some = commands->len;
	/* The ceiling is far above CHUNK_BYTES. */
	if (buf_append(&connection->chunk, commands->data, some))
		buf_consume(commands, some);
}

/* Fills the chunk with commands and bodies, in the order in which they must go. */
static bool fill_chunk(struct server_connection *connection, struct err *err)
{
	struct buf *commands = protocol_commands(connection->protocol);
	struct tcp_info info;

	tcp_state(connection, &info);
	connection->chunk_base = bytes_taken(&info);
	while (connection->chunk.len < CHUNK_BYTES) {
		struct outgoing *message;
		bool dots;

		if (commands->len) {
			put_commands(connection, commands);
			continue;
		}
		message = protocol_body(connection->protocol, &dots);
		if (message) {
			if (!put_body(connection, message, dots, err))
				return false;
			continue;
		}
		switch (begin_next(connection, err)) {
		case BEGUN:
			break;
		case NONE_TO_BEGIN:
			return true;
		case BEGIN_FAILED:
			return false;
		}
		/* One that is refused by the engine itself has its result at once. */
		take_results(connection);
	}
	return true;
}

static bool died(const struct server_connection *connection, struct err *err)
{
	const struct err *failure = protocol_failure(connection->protocol);

	if (failure) {
		*err = *failure;
		return err_context(err, "%s",
				   connection->shared->outbound->smarthost.host);
	}
	return err_temporary(err, "4.4.2", "%s: the connection died",
			     connection->shared->outbound->smarthost.host);
}

/* A segment that is not full may wait for the next message, if one follows as soon as
 * an answer to those before it comes: fewer segments, fewer bytes on the wire. */
static void cork(struct server_connection *connection, bool wanted)
{
	int value = wanted;

	if (connection->is_corked == wanted)
		return;
	connection->is_corked = wanted;
	/* Not having it costs bytes, not mail. */
	(void)!setsockopt(dial_fd(connection->dial), IPPROTO_TCP, TCP_CORK, &value,
			  sizeof(value));
}

static bool more_follows(const struct server_connection *connection)
{
	const struct server_connection_shared *shared = connection->shared;
	const struct outgoing *message = connection->first;
	size_t written = 0;

	for (; message; message = message->next) {
		if (!message->written)
			return false; /* it waits for an answer to what is kept */
		written++;
	}
	return written > 1 && shared->gate == GATE_OPEN && !shared->turns &&
	       !shared->most_messages && queue_left(&shared->outbound->queue);
}

static enum dial_io write_some(struct server_connection *connection, struct err *err)
{
	struct tcp_info info;

	size_t moved;
	enum dial_io io;

	if (!connection->chunk.len && !fill_chunk(connection, err))
		return DIAL_CLOSED;
	connection->is_writing = connection->chunk.len > 0;
	if (!connection->is_writing)
		return DIAL_AGAIN;
	io = dial_send(connection->dial, connection->chunk.data + connection->chunk_sent,
		       connection->chunk.len - connection->chunk_sent, &moved);
	if (io == DIAL_CLOSED)
		died(connection, err);
	if (io != DIAL_DONE)
		return io;
	connection->has_moved = true;
	connection->chunk_sent += moved;
	tcp_state(connection, &info);
	connection->taken = bytes_taken(&info);
	if (connection->chunk_sent == connection->chunk.len) {
		buf_reset(&connection->chunk);
		connection->chunk_sent = 0;
	}
	return io;
}

bool transmit_write(struct server_connection *connection, struct err *err)
{
	enum dial_io io = DIAL_DONE;

	if (connection->shared->gate == GATE_CUT)
		return true;
	cork(connection, true);
	for (int turn = 0; turn < CHUNKS_A_TURN && io == DIAL_DONE; turn++)
		io = write_some(connection, err);
	cork(connection, connection->is_writing || more_follows(connection));
	return io != DIAL_CLOSED;
}

/* An error of the socket: the server's side reset the connection, or the kernel gave it
 * up because nothing comes through any more. */
static enum smtp_client_end end_of(const struct server_connection *connection)
{
	struct tcp_info info;

	tcp_state(connection, &info);
	return info.tcpi_backoff ? SMTP_END_CUT : SMTP_END_RESET;
}

bool transmit_read(struct server_connection *connection, struct err *err)
{
	char bytes[8192];
	size_t got;

	for (;;) {
		enum dial_io io =
			dial_receive(connection->dial, bytes, sizeof(bytes), &got);
		struct smtp_client_wait before = protocol_awaits(connection->protocol);
		bool fed;

		if (io == DIAL_AGAIN)
			return true;
		if (io == DIAL_FINISHED || io == DIAL_CLOSED) {
			connection->how = io == DIAL_FINISHED ? SMTP_END_OF_STREAM
							      : end_of(connection);
			return died(connection, err);
		}
		fed = protocol_feed(connection->protocol, (struct span){ bytes, got });
		/* A server that says one byte a minute is silent. */
		connection->has_moved |=
			protocol_awaits(connection->protocol).replies != before.replies;
		take_results(connection);
		if (!fed)
			return died(connection, err);
		transmit_set_window(connection);
	}
}
