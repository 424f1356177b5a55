#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "programs/lontar-flush/deliveries.h"
#include "programs/lontar-flush/destination.h"
#include "programs/lontar-flush/outcome.h"
#include "programs/lontar-flush/session_private.h"

#define CHUNKS_A_TURN   16
#define WINDOW_MESSAGES 128
#define LATE_MAX        2 /* answers, of what fills the link */
#define LOSSES_MIN      4 /* segments, and a share of the bytes: one in so many */
#define LOSSES_SHARE    200
#define MARK_AHEAD      8 /* files renamed together where one message is in doubt */

static void tcp_state(const struct session *session, struct tcp_info *info_out)
{
	socklen_t len = sizeof(*info_out);

	*info_out = (struct tcp_info){ 0 };
	if (getsockopt(dial_fd(session->dial), IPPROTO_TCP, TCP_INFO, info_out, &len) !=
	    0)
		log_debug("smarthost=%s no TCP_INFO", session->flush->smarthost.name);
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

uint64_t stream_bytes_out(const struct session *session)
{
	struct tcp_info info;
	uint64_t sent, other;

	tcp_state(session, &info);
	sent = bytes_sent(&info);
	/* Two ways to count; the one that leaves more in doubt is believed. */
	other = info.tcpi_notsent_bytes < session->taken
			? session->taken - info.tcpi_notsent_bytes
			: 0;
	return other > sent ? other : sent;
}

/* What the server has, as TCP knows, and has not answered: some servers' replies leave in
 * two Nagled writes, and this does not burden the link. */
static uint64_t arrived(const struct session *session, const struct tcp_info *info)
{
	uint64_t bytes = 0;

	for (const struct mail *mail = session->first; mail && mail->written;
	     mail = mail->next)
		if (mail->mark < info->tcpi_bytes_acked)
			bytes += mail->wire_bytes;
	return bytes;
}

/* Bytes lost though the link is no fuller than it must be: it loses them by itself, and
 * to slow down for that helps nobody. Not every kernel has another way. */
static void be_steady(struct session *session, const struct tcp_info *info)
{
	static const char steady[] = "bbr";

	if (session->steady || info->tcpi_total_retrans < LOSSES_MIN ||
	    info->tcpi_bytes_retrans * LOSSES_SHARE < info->tcpi_bytes_sent)
		return;
	session->steady = true;
	if (setsockopt(dial_fd(session->dial), IPPROTO_TCP, TCP_CONGESTION, steady,
		       sizeof(steady) - 1) != 0)
		log_debug("smarthost=%s no bbr", session->flush->smarthost.name);
}

void stream_set_window(struct session *session)
{
	struct flush *flush = session->flush;
	struct pace *pace = &flush->lanes.pace;
	uint64_t messages = flush->smarthost.indoubt, flight, late;
	size_t left = queue_left(&flush->queue);
	struct pace_sample sample;
	struct tcp_info info;

	tcp_state(session, &info);
	sample = (struct pace_sample){
		.rtt_us = info.tcpi_rtt,
		.min_rtt_us = info.tcpi_min_rtt == UINT32_MAX ? 0 : info.tcpi_min_rtt,
		.bytes_per_s = info.tcpi_delivery_rate,
		.window_bytes = (uint64_t)info.tcpi_snd_cwnd * info.tcpi_snd_mss,
		/* What one of several sees is not the link's rate. */
		.idle = info.tcpi_delivery_rate_app_limited || lanes_connected(flush) > 1,
	};
	pace_take(pace, &sample);
	be_steady(session, &info);
	flight = pace_flight(pace, left ? flush->queue.left_bytes / left : 0);
	late = arrived(session, &info);
	if (late > LATE_MAX * flight)
		late = LATE_MAX * flight;
	engine_set_window(session->client, messages ? messages : WINDOW_MESSAGES,
			  flight + late);
}

static void begin(struct session *session, struct mail *mail)
{
	struct flush *flush = session->flush;

	if (mail->left_why)
		log_info("unconverted smarthost=%s id=%s reason=%s",
			 flush->smarthost.name, mail->name.id, mail->left_why);
	deliveries_begin(flush, mail);
	*session->end = mail;
	session->end = &mail->next;
	engine_start(session->client, &(struct smtp_client_message){
					      .tag = mail,
					      .sender = mail->sender,
					      .recipients = mail->recipients,
					      .count = mail->count,
					      .wire_bytes = mail->wire_bytes,
					      .eight_bit = mail->limits.eight_bit });
}

enum begun {
	BEGUN,         /* or passed over */
	NONE_TO_BEGIN, /* none is left, or not now */
	BEGIN_FAILED,
};

/* Takes one message to the server, or deals with it here where it cannot go. */
static void begin_one(struct session *session, struct parked_name *name)
{
	struct flush *flush = session->flush;
	uint64_t maxsize = flush->smarthost.maxsize;
	struct err err = { 0 };
	struct mail *mail =
		mail_open(flush->parked, name, &flush->rewrites, &session->need, &err);

	if (mail && flush->destination)
		destination_limit(flush->destination, mail);
	if (!mail && err.exit_code == EX_NOINPUT)
		return;
	if (!mail && err.kind == ERR_PERMANENT)
		outcome_broken(flush, name, &err);
	else if (!mail)
		outcome_unreadable(flush, name, &err);
	else if (!mail->count && mail->more)
		outcome_left(flush, mail);
	else if (!mail->count)
		outcome_nobody_left(flush, mail);
	else if (maxsize && mail->wire_bytes > maxsize)
		outcome_too_large(flush, mail);
	else
		begin(session, mail);
}

static enum begun begin_next(struct session *session, struct err *err)
{
	struct flush *flush = session->flush;
	const struct parked_name *next = queue_peek(&flush->queue);
	size_t ahead = flush->smarthost.indoubt;
	struct parked_name name;

	struct order_limits limits;

	if (queue_is_short(&flush->queue) && !flush->look)
		flush_look_again(flush);
	if (!next || flush->stopping ||
	    !engine_may_start(session->client, next->wire_bytes))
		return NONE_TO_BEGIN;
	limits = meter_limits(flush);
	if (!order_fits(next, &limits))
		return queue_pass(&flush->queue, err) ? BEGUN : BEGIN_FAILED;
	if (!ahead || ahead > QUEUE_BATCH_MAX)
		ahead = QUEUE_BATCH_MAX;
	if (ahead < MARK_AHEAD)
		ahead = MARK_AHEAD;
	if (queue_take(&flush->queue, ahead, &name, err))
		begin_one(session, &name);
	else if (err->exit_code != EX_NOINPUT)
		return BEGIN_FAILED;
	return BEGUN;
}

static void take_results(struct session *session)
{
	struct smtp_client_result *result;

	while ((result = engine_take(session->client))) {
		struct mail *mail = result->tag, **at = &session->first;

		/* Most are the first; one that was refused here at once is not. */
		while (*at && *at != mail)
			at = &(*at)->next;
		if (*at)
			*at = mail->next;
		if (session->end == &mail->next)
			session->end = at;
		mail->next = NULL;
		if (session->flush->lanes.turns && mail->written)
			pace_take_message(
				&session->flush->lanes.pace, mail->wire_bytes,
				(uint64_t)(clock_monotonic_us() - mail->began_us));
		outcome_result(session->flush, mail, result);
	}
}

static bool put_body(struct session *session, struct mail *mail, bool dots,
		     struct err *err)
{
	bool end;

	if (!mail->begun) {
		mail_rewind(mail, dots);
		mail->began_us = clock_monotonic_us();
	}
	mail->begun = true;
	if (!mail_encode(mail, CHUNK_BYTES - session->chunk.len, &session->chunk, &end,
			 err))
		return false;
	if (end) {
		mail->written = true;
		mail->mark = session->chunk_base + session->chunk.len;
		engine_body_done(session->client);
	}
	return true;
}

static void put_commands(struct session *session, struct buf *commands)
{
	size_t some = CHUNK_BYTES - session->chunk.len;

	if (some > commands->len)
		some = commands->len;
	/* The ceiling is far above CHUNK_BYTES. */
	if (buf_append(&session->chunk, commands->data, some))
		buf_consume(commands, some);
}

/* Fills the chunk with commands and bodies, in the order in which they must go. */
static bool fill_chunk(struct session *session, struct err *err)
{
	struct buf *commands = engine_commands(session->client);
	struct tcp_info info;

	tcp_state(session, &info);
	session->chunk_base = bytes_taken(&info);
	while (session->chunk.len < CHUNK_BYTES) {
		struct mail *mail;
		bool dots;

		if (commands->len) {
			put_commands(session, commands);
			continue;
		}
		mail = engine_body(session->client, &dots);
		if (mail) {
			if (!put_body(session, mail, dots, err))
				return false;
			continue;
		}
		switch (begin_next(session, err)) {
		case BEGUN:
			break;
		case NONE_TO_BEGIN:
			return true;
		case BEGIN_FAILED:
			return false;
		}
		/* One that is refused by the engine itself has its result at once. */
		take_results(session);
	}
	return true;
}

static bool died(const struct session *session, struct err *err)
{
	const struct err *failure = engine_failure(session->client);

	if (failure) {
		*err = *failure;
		return err_context(err, "%s", session->flush->smarthost.host);
	}
	return err_temporary(err, "4.4.2", "%s: the connection died",
			     session->flush->smarthost.host);
}

/* A segment that is not full may wait for the next message, where one follows as soon as
 * an answer to those before it comes: fewer segments, fewer bytes on the wire. */
static void cork(struct session *session, bool wanted)
{
	int value = wanted;

	if (session->corked == wanted)
		return;
	session->corked = wanted;
	/* Not having it costs bytes, not mail. */
	(void)!setsockopt(dial_fd(session->dial), IPPROTO_TCP, TCP_CORK, &value,
			  sizeof(value));
}

static bool more_follows(const struct session *session)
{
	const struct flush *flush = session->flush;
	const struct mail *mail = session->first;
	size_t written = 0;

	for (; mail; mail = mail->next) {
		if (!mail->written)
			return false; /* it waits for an answer to what is kept */
		written++;
	}
	return written > 1 && !flush->stopping && !flush->lanes.turns &&
	       !flush->smarthost.indoubt && queue_left(&flush->queue);
}

static enum dial_io write_some(struct session *session, struct err *err)
{
	struct tcp_info info;

	size_t moved;
	enum dial_io io;

	if (!session->chunk.len && !fill_chunk(session, err))
		return DIAL_CLOSED;
	session->writing = session->chunk.len > 0;
	if (!session->writing)
		return DIAL_AGAIN;
	io = dial_send(session->dial, session->chunk.data + session->chunk_sent,
		       session->chunk.len - session->chunk_sent, &moved);
	if (io == DIAL_CLOSED)
		died(session, err);
	if (io != DIAL_DONE)
		return io;
	session->moved = true;
	session->chunk_sent += moved;
	tcp_state(session, &info);
	session->taken = bytes_taken(&info);
	if (session->chunk_sent == session->chunk.len) {
		buf_reset(&session->chunk);
		session->chunk_sent = 0;
	}
	return io;
}

bool stream_write(struct session *session, struct err *err)
{
	enum dial_io io = DIAL_DONE;

	if (session->flush->cut)
		return true;
	cork(session, true);
	for (int turn = 0; turn < CHUNKS_A_TURN && io == DIAL_DONE; turn++)
		io = write_some(session, err);
	cork(session, session->writing || more_follows(session));
	return io != DIAL_CLOSED;
}

bool stream_read(struct session *session, struct err *err)
{
	char bytes[8192];
	size_t got;

	for (;;) {
		enum dial_io io = dial_receive(session->dial, bytes, sizeof(bytes), &got);
		bool fed;

		if (io == DIAL_AGAIN)
			return true;
		if (io == DIAL_CLOSED)
			return died(session, err);
		session->moved = true;
		fed = engine_feed(session->client, (struct span){ bytes, got });
		take_results(session);
		if (!fed)
			return died(session, err);
		stream_set_window(session);
	}
}
