#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "send/patience.h"
#include "send/server_connection_private.h"
#include "smtp/client_offer.h"
#include "transfer/remote_account.h"

#define LOOK_FROM_US     20000
#define ON_THE_WAY_BYTES (4 * CHUNK_BYTES) /* in our chunk and in the kernel */
#define LOOKS            8                 /* a round trip */

/* The server hung up; the line itself is not dead. */
static bool was_closed(const struct server_connection *connection)
{
	return connection->protocol && (connection->how != SMTP_END_CUT ||
					protocol_was_closed(connection->protocol));
}

/* Hands all messages back that are not answered whole (smtp/client_result.c says which of
 * them may have been taken, if all of their bytes have left). Encrypted bytes are more
 * than plain ones, so a mark is never too high. True: some are uncertain. */
static bool hand_back(struct server_connection *connection)
{
	const struct server_connection_shared *shared = connection->shared;
	/* If large segments vanish on the way and small ones pass, acknowledgements pass:
	 * what is not acknowledged has not arrived. */
	uint64_t sent = !connection->first ? 0
			: dial_is_stalled(connection->dial)
				? transmit_bytes_acked(connection)
				: transmit_bytes_out(connection);
	bool is_closed = was_closed(connection), is_any_uncertain = false;
	struct smtp_client_result *result;

	if (!connection->protocol)
		return false;
	protocol_abandon(connection->protocol, connection->how);
	while ((result = protocol_take(connection->protocol))) {
		struct outgoing *message = result->tag;
		bool is_uncertain =
			result->may_be_taken && message->written && message->mark <= sent;

		server_connection_unlink(connection, message);
		is_any_uncertain |= is_uncertain;
		/* A message is suspected only if the server itself hung up on it. */
		result->in_hand = result->in_hand && is_closed;
		shared->events->result(shared->events_ctx, message, result,
				       is_uncertain ? SEND_UNCERTAIN : SEND_UNSENT);
	}
	return is_any_uncertain;
}

static void free_connection(struct server_connection *connection)
{
	struct server_connection_shared *shared = connection->shared;

	ev_io_stop(shared->loop, &connection->io);
	ev_timer_stop(shared->loop, &connection->deadline);
	ev_timer_stop(shared->loop, &connection->look);
	dial_close(connection->dial);
	protocol_free(connection->protocol);
	buf_clear(&connection->chunk);
	free(connection);
}

/* True: messages have become uncertain. */
static bool end(struct server_connection *connection)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	bool is_clean, is_any_uncertain;
	const char *quit;
	size_t moved;

	is_clean = connection->protocol && !connection->first && !connection->chunk.len &&
		   !protocol_failure(connection->protocol);
	quit = is_clean ? protocol_farewell(connection->protocol) : "";
	if (quit[0] &&
	    dial_send(connection->dial, quit, strlen(quit), &moved) == DIAL_CLOSED)
		is_clean = false;
	if (connection->protocol)
		server_cache_learn(connection->shared->cache, connection->dial);
	is_any_uncertain = hand_back(connection);
	/* What the kernel still has must not leave after it was counted as unsent. */
	if (!is_clean && connection->protocol)
		setsockopt(dial_fd(connection->dial), SOL_SOCKET, SO_LINGER, &at_once,
			   sizeof(at_once));
	connection->shared->quota->closed_bytes += server_connection_used(connection);
	connection->shared->connected -= connection->protocol != NULL;
	return is_any_uncertain;
}

void server_connection_close(struct server_connection *connection)
{
	end(connection);
	free_connection(connection);
}

/* The connection is of no more use. */
static void lose(struct server_connection *connection, const struct err *err)
{
	struct send_loss loss = {
		.why = *err,
		.was_connected = connection->protocol != NULL,
		.was_closed = was_closed(connection),
		.failure = connection->protocol ? NULL : dial_failure(connection->dial),
		.was_given_up = connection->protocol && connection->how == SMTP_END_CUT &&
				protocol_failure(connection->protocol),
		.is_half_answered = connection->is_half_answered,
		.is_swallowed = connection->is_swallowed,
		.is_stalled = connection->protocol && !connection->shared->mss &&
			      dial_is_stalled(connection->dial),
		.answered = connection->answered,
	};

	if (loss.is_stalled)
		connection->shared->mss = LINE_MSS_SAFE;
	loss.is_any_uncertain = end(connection);
	connection->handler->lost(connection->ctx, connection, &loss);
	free_connection(connection);
}

/* Silent after some of the commands that were sent together. */
static bool is_half_answered(const struct server_connection *connection)
{
	struct smtp_client_wait wait = protocol_awaits(connection->protocol);

	return wait.answered && wait.asked > wait.answered &&
	       (wait.stage == SMTP_AT_MAIL || wait.stage == SMTP_AT_RCPT ||
		wait.stage == SMTP_AT_DATA);
}

static double patience_of(const struct server_connection *connection)
{
	const struct server_connection_shared *shared = connection->shared;
	const struct patience_case now = {
		.is_closing = protocol_was_closed(connection->protocol),
		.is_half_answered = is_half_answered(connection),
		.is_pipelining_new = !shared->pipelining_worked,
		.is_body_written = connection->first->written,
		.is_chunked = connection->is_chunked,
		.is_chunking_new = !shared->chunking_worked,
		.rtt_us = shared->pace.rtt_us
	};

	return patience_s(&now);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct server_connection *connection = watcher->data;
	struct err err = { 0 };

	connection->is_half_answered = is_half_answered(connection);
	connection->is_swallowed = connection->first->written && connection->is_chunked &&
				   transmit_is_acknowledged(connection);

	(void)loop;
	(void)events;
	err_temporary(&err, "4.4.2", "%s: no answer for minutes",
		      connection->shared->outbound->smarthost.host);
	lose(connection, &err);
}

static void set_deadline(struct server_connection *connection)
{
	struct ev_loop *loop = connection->shared->loop;

	if (connection->first && !connection->has_moved &&
	    ev_is_active(&connection->deadline))
		return;
	connection->has_moved = false;
	ev_timer_stop(loop, &connection->deadline);
	if (!connection->first)
		return;
	ev_timer_set(&connection->deadline, patience_of(connection), 0.);
	ev_timer_start(loop, &connection->deadline);
}

static void on_look(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct server_connection *connection = watcher->data;

	(void)loop;
	(void)events;
	transmit_set_window(connection);
	server_connection_pump(connection);
}

/* Answers may come late and many together (Postfix's are Nagled, once a round trip): on a
 * long link what has arrived makes room before that. */
static void look_soon(struct server_connection *connection)
{
	struct server_connection_shared *shared = connection->shared;
	uint64_t rtt_us = shared->pace.rtt_us;

	ev_timer_stop(shared->loop, &connection->look);
	if (shared->turns || rtt_us < LOOK_FROM_US || connection->is_writing ||
	    !connection->first || shared->gate != GATE_OPEN ||
	    !queue_left(&shared->outbound->queue))
		return;
	ev_timer_set(&connection->look, (double)rtt_us / 1e6 / LOOKS, 0.);
	ev_timer_start(shared->loop, &connection->look);
}

void server_connection_pump(struct server_connection *connection)
{
	struct server_connection_shared *shared = connection->shared;
	struct err err = { 0 };

	if (!connection->protocol)
		return;
	if (!transmit_read(connection, &err)) {
		lose(connection, &err);
		return;
	}
	if (!transmit_write(connection, &err)) {
		struct err ignored;

		/* What the server said before it hung up counts. */
		(void)!transmit_read(connection, &ignored);
		lose(connection, &err);
		return;
	}
	set_deadline(connection);
	look_soon(connection);
	ev_io_stop(shared->loop, &connection->io);
	ev_io_set(&connection->io, dial_fd(connection->dial),
		  EV_READ | (connection->is_writing && shared->gate != GATE_CUT ? EV_WRITE
										: 0));
	ev_io_start(shared->loop, &connection->io);
	connection->handler->progress(connection->ctx);
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	server_connection_pump(watcher->data);
}

static void read_offer(const struct server_connection *connection,
		       struct smtp_offer *offer_out)
{
	struct span lines = dial_ehlo(connection->dial), line;
	bool is_first = true;

	*offer_out = (struct smtp_offer){ 0 };
	smtp_offer_greeting(offer_out, dial_greeting(connection->dial));
	while (span_cut(&lines, '\n', &line)) {
		if (!is_first && line.len)
			smtp_offer_line(offer_out, line);
		is_first = false;
	}
	if (connection->shared->avoid_chunking)
		offer_out->chunking = false;
	if (connection->shared->avoid_pipelining)
		offer_out->pipelining = false;
	if (connection->shared->avoid_parameters)
		offer_out->size = offer_out->eight_bit = false;
}

/* Offers say nothing about long lines. QMTP takes any bytes in lines of any length. */
static struct convert_need need_of(const struct smarthost *smarthost,
				   const struct smtp_offer *offer)
{
	bool is_qmtp = smarthost->type == SMARTHOST_QMTP;

	return (struct convert_need){
		.seven_bit = !is_qmtp && !offer->eight_bit &&
			     smarthost->convert8bit == SMARTHOST_ON,
		.short_lines = !is_qmtp && smarthost->breaklines == SMARTHOST_ON,
	};
}

static void on_dialled(void *ctx, struct dial *connected, const struct err *err);

/* As far as it is known before the first byte: by earlier calls over the same link, or by
 * what its hook told. */
static struct line line_of(const struct server_connection_shared *shared)
{
	const struct pace *pace = &shared->pace;
	uint64_t rate =
		pace->filled ? pace->bytes_per_s : shared->path->link.speed_bps / 8;

	return (struct line){ .bytes_per_s = rate < UINT32_MAX ? (uint32_t)rate : 0,
			      .rtt_ms = (uint32_t)(pace->rtt_us / 1000) };
}

static void dial(struct server_connection *connection)
{
	struct server_connection_shared *shared = connection->shared;
	struct outbound *outbound = shared->outbound;
	struct remote_account account = remote_account_of_smarthost(
		&outbound->smarthost, outbound->settings.helohost);
	char cafile[PATH_MAX];
	struct dial_request request =
		remote_account_request(&account, shared->path, shared->secret, cafile);

	request.addresses = server_cache_addresses(shared->cache);
	request.ticket = buf_span(&shared->cache->ticket);
	request.mechanism = shared->mechanism;
	request.mss = shared->mss;
	request.line = line_of(shared);
	request.clock_in_doubt = clock_in_doubt(outbound->root_fd);
	if (connection->is_plain)
		request.tls = DIAL_PLAIN;
	connection->is_by_memory = request.addresses != NULL;
	connection->dial = dial_start(shared->loop, &request, on_dialled, connection);
}

void server_connection_redial(struct server_connection *connection)
{
	if (connection->protocol)
		return;
	connection->shared->quota->closed_bytes += server_connection_used(connection);
	dial_close(connection->dial);
	connection->dial = NULL;
	dial(connection);
}

static void on_not_dialled(struct server_connection *connection, const struct err *err)
{
	struct server_connection_shared *shared = connection->shared;
	const struct smarthost *smarthost = &shared->outbound->smarthost;
	struct err copy = *err;

	/* tls try: a handshake that fails is no reason to keep mail that may go in plain
	 * text. A login may not. */
	if (smarthost->tls == SMARTHOST_TLS_TRY && !connection->is_plain &&
	    !smarthost->user && dial_failed_in_tls(connection->dial)) {
		log_warning("smarthost=%s goes on without TLS: %s", smarthost->name,
			    copy.text);
		connection->is_plain = true;
		server_connection_redial(connection);
		return;
	}
	/* The server may have moved. */
	if (copy.kind == ERR_TEMPORARY && connection->is_by_memory &&
	    !shared->connected && !shared->outbound->job) {
		log_info("flush smarthost=%s asks for addresses anew: %s",
			 smarthost->name, copy.text);
		server_cache_forget(shared->cache);
		server_connection_redial(connection);
		return;
	}
	lose(connection, &copy);
}

static void begin_protocol(struct server_connection *connection, struct smtp_offer *offer)
{
	struct dial *connected = connection->dial;
	const struct smarthost *smarthost = &connection->shared->outbound->smarthost;
	bool is_qmtp = smarthost->type == SMARTHOST_QMTP;

	read_offer(connection, offer);
	connection->need = need_of(smarthost, offer);
	connection->is_chunked = !is_qmtp && offer->pipelining && offer->chunking;
	/* QMTP waits for nothing between two messages. */
	if (is_qmtp)
		*offer = (struct smtp_offer){ .pipelining = true, .chunking = true };
	log_info("flush smarthost=%s connected=%s tls=%s pipelining=%d chunking=%d",
		 smarthost->name, dial_address(connected),
		 dial_has_tls(connected) ? "yes" : "no", offer->pipelining,
		 offer->chunking);
	connection->protocol = is_qmtp ? protocol_new_qmtp() : protocol_new_smtp(offer);
	connection->shared->connected++;
}

static void on_dialled(void *ctx, struct dial *connected, const struct err *err)
{
	struct server_connection *connection = ctx;
	struct smtp_offer offer;

	if (err) {
		on_not_dialled(connection, err);
		return;
	}
	begin_protocol(connection, &offer);
	server_cache_learn(connection->shared->cache, connected);
	if (dial_mss(connected))
		connection->shared->mss = dial_mss(connected);
	connection->handler->ready(connection->ctx, connection, &offer);
	ev_io_init(&connection->io, on_io, dial_fd(connected), EV_READ);
	connection->io.data = connection;
	transmit_set_window(connection);
	server_connection_pump(connection);
}

struct server_connection *
server_connection_start(struct server_connection_shared *shared,
			const struct server_connection_handler *handler, void *ctx)
{
	struct server_connection *connection = must_alloc(sizeof(*connection));

	*connection = (struct server_connection){ .shared = shared,
						  .generation = shared->generation,
						  .handler = handler,
						  .ctx = ctx,
						  .end = &connection->first,
						  .how = SMTP_END_CUT,
						  .chunk = BUF_INIT(4 * CHUNK_BYTES) };
	ev_timer_init(&connection->deadline, on_deadline, 0., 0.);
	ev_timer_init(&connection->look, on_look, 0., 0.);
	connection->deadline.data = connection->look.data = connection;
	dial(connection);
	return connection;
}

struct server_connection *
server_connection_next(const struct server_connection *connection)
{
	return connection->next;
}

void server_connection_link(struct server_connection *connection,
			    struct server_connection *next)
{
	connection->next = next;
}

size_t server_connection_unanswered(const struct server_connection *connection)
{
	size_t count = 0;

	for (const struct outgoing *at = connection->first; at; at = at->next)
		count++;
	return count;
}

bool server_connection_has(const struct server_connection *connection, const char *id)
{
	for (const struct outgoing *at = connection->first; at; at = at->next)
		if (strcmp(at->name.id, id) == 0)
			return true;
	return false;
}

const struct dial *server_connection_dial(const struct server_connection *connection)
{
	return connection->dial;
}

bool server_connection_is_ready(const struct server_connection *connection)
{
	return connection->protocol != NULL;
}

bool server_connection_is_drained(const struct server_connection *connection)
{
	return !connection->first && !connection->is_writing;
}

uint64_t server_connection_used(const struct server_connection *connection)
{
	return connection->dial ? dial_used(connection->dial) : 0;
}

/* What is encoded may still be in a chunk here or in the kernel. */
uint64_t server_connection_begun_cost(const struct server_connection *connection)
{
	uint64_t bytes = 0;

	for (const struct outgoing *at = connection->first; at; at = at->next) {
		uint64_t cost = order_cost(&at->name);
		uint64_t out = at->begun ? at->encoded : 0;

		out = out > ON_THE_WAY_BYTES ? out - ON_THE_WAY_BYTES : 0;
		bytes += cost > out ? cost - out : 0;
	}
	return bytes;
}

uint64_t server_connection_bytes_out(const struct server_connection *connection)
{
	uint64_t bytes = 0;

	for (const struct outgoing *at = connection->first; at; at = at->next)
		bytes += at->begun ? at->encoded : 0;
	return bytes;
}
