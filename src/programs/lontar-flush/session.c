#include "programs/lontar-flush/session_private.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "programs/lontar-flush/outcome.h"

#define REPLY_TIMEOUT_S   300
#define FINAL_TIMEOUT_S   600 /* 4.5.3.2.6: after the final dot */
#define CLOSING_TIMEOUT_S 10
#define LOOK_FROM_US      20000
#define ON_THE_WAY_BYTES  (4 * CHUNK_BYTES) /* in our chunk and in the kernel */
#define LOOKS             8                 /* a round trip */

static void forget(struct session *session, struct mail *mail)
{
	session->first = mail->next;
	if (!session->first)
		session->end = &session->first;
	mail->next = NULL;
}

/*
 * The conversation ended with messages unanswered. One whose last byte has left may have
 * arrived; where the server closed in order, it took nothing that it did not answer.
 * Encrypted bytes are more than plain ones, so a mark is never too high. True: some are
 * uncertain now.
 */
static bool sort_unanswered(struct session *session)
{
	bool any_uncertain = false;
	bool nothing_taken = session->client && engine_was_closed(session->client);
	uint64_t sent = session->first ? stream_bytes_out(session) : 0;

	while (session->first) {
		struct mail *mail = session->first;

		forget(session, mail);
		if (mail->written && mail->mark <= sent && !nothing_taken) {
			any_uncertain = true;
			outcome_uncertain(session->flush, mail);
		} else {
			outcome_unsent(session->flush, mail);
		}
	}
	return any_uncertain;
}

static void free_session(struct session *session)
{
	struct flush *flush = session->flush;
	struct session **at = &flush->lanes.first;

	while (*at != session)
		at = &(*at)->next;
	*at = session->next;
	ev_io_stop(flush->loop, &session->io);
	ev_timer_stop(flush->loop, &session->deadline);
	ev_timer_stop(flush->loop, &session->look);
	flush->meter.closed_bytes += session_used(session);
	dial_close(session->dial);
	engine_free(session->client);
	buf_clear(&session->chunk);
	free(session);
}

/* True: mail has become uncertain. */
static bool end(struct session *session)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	bool clean, uncertain;
	const char *quit;
	size_t moved;

	clean = session->client && !session->first && !session->chunk.len &&
		!engine_failure(session->client);
	quit = clean ? engine_farewell(session->client) : "";
	if (quit[0] &&
	    dial_send(session->dial, quit, strlen(quit), &moved) == DIAL_CLOSED)
		clean = false;
	if (session->client)
		server_learn(session->flush, session->dial);
	uncertain = sort_unanswered(session);
	/* What the kernel still has must not leave after it was counted as unsent. */
	if (!clean && session->client)
		setsockopt(dial_fd(session->dial), SOL_SOCKET, SO_LINGER, &at_once,
			   sizeof(at_once));
	free_session(session);
	return uncertain;
}

void session_close(struct session *session)
{
	end(session);
}

/* The connection is of no more use. */
static void lost(struct session *session, const struct err *err)
{
	struct flush *flush = session->flush;

	lanes_lost(flush, err, end(session));
}

static void lost_because(struct session *session, const char *why)
{
	struct err err = { 0 };

	err_temporary(&err, "4.4.2", "%s: %s", session->flush->smarthost.host, why);
	lost(session, &err);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	lost_because(watcher->data, "no answer for minutes");
}

static void set_deadline(struct session *session)
{
	struct ev_loop *loop = session->flush->loop;

	if (session->first && !session->moved && ev_is_active(&session->deadline))
		return;
	session->moved = false;
	ev_timer_stop(loop, &session->deadline);
	if (!session->first)
		return;
	ev_timer_set(&session->deadline,
		     engine_was_closed(session->client) ? CLOSING_TIMEOUT_S
		     : session->first->written          ? FINAL_TIMEOUT_S
							: REPLY_TIMEOUT_S,
		     0.);
	ev_timer_start(loop, &session->deadline);
}

static void on_look(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct session *session = watcher->data;

	(void)loop;
	(void)events;
	stream_set_window(session);
	session_go_on(session);
}

/* Answers may come late and many together (Postfix: its are Nagled, once a round trip):
 * on a long link what has arrived makes room before that. */
static void look_soon(struct session *session)
{
	struct flush *flush = session->flush;
	uint64_t rtt_us = flush->lanes.pace.rtt_us;

	ev_timer_stop(flush->loop, &session->look);
	if (flush->lanes.turns || rtt_us < LOOK_FROM_US || session->writing ||
	    !session->first || flush->stopping || !queue_left(&flush->queue))
		return;
	ev_timer_set(&session->look, (double)rtt_us / 1e6 / LOOKS, 0.);
	ev_timer_start(flush->loop, &session->look);
}

void session_go_on(struct session *session)
{
	struct flush *flush = session->flush;
	struct err err = { 0 };

	if (!session->client)
		return;
	if (!stream_read(session, &err) || !stream_write(session, &err)) {
		lost(session, &err);
		return;
	}
	set_deadline(session);
	look_soon(session);
	ev_io_stop(flush->loop, &session->io);
	ev_io_set(&session->io, dial_fd(session->dial),
		  EV_READ | (session->writing && !flush->cut ? EV_WRITE : 0));
	ev_io_start(flush->loop, &session->io);
	lanes_grow(flush);
	if (lanes_are_drained(flush))
		flush_drained(flush);
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	session_go_on(watcher->data);
}

static void read_offer(const struct dial *connected, struct smtp_offer *offer_out)
{
	struct span lines = dial_ehlo(connected), line;
	bool first = true;

	*offer_out = (struct smtp_offer){ 0 };
	smtp_offer_greeting(offer_out, dial_greeting(connected));
	while (span_cut(&lines, '\n', &line)) {
		if (!first && line.len)
			smtp_offer_line(offer_out, line);
		first = false;
	}
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

static const enum dial_tls dial_tls_of[] = {
	[SMARTHOST_TLS_NONE] = DIAL_PLAIN,
	[SMARTHOST_TLS_TRY] = DIAL_TRY,
	[SMARTHOST_TLS_STARTTLS] = DIAL_STARTTLS,
	[SMARTHOST_TLS_IMPLICIT] = DIAL_IMPLICIT,
};

static void on_dialled(void *ctx, struct dial *connected, const struct err *err);

/* Where names in a smarthost's file are no whole paths, they are below control/. */
static const char *control_path(const char *path, char out[PATH_MAX])
{
	if (!path || path[0] == '/')
		return path;
	snprintf(out, PATH_MAX, "control/%s", path);
	return out;
}

/* A rate that nothing waited for says nothing about the line. */
static struct line line_of(const struct pace *pace)
{
	return (struct line){ .bytes_per_s =
				      pace->filled ? (uint32_t)pace->bytes_per_s : 0,
			      .rtt_ms = (uint32_t)(pace->rtt_us / 1000) };
}

static void dial(struct session *session, enum dial_tls tls)
{
	struct flush *flush = session->flush;
	const struct smarthost *smarthost = &flush->smarthost;
	char cafile[PATH_MAX];
	struct dial_request request = {
		.protocol = smarthost->type == SMARTHOST_QMTP ? DIAL_QMTP : DIAL_SMTP,
		.host = smarthost->host,
		.port = smarthost->port,
		.tls = tls,
		.helo = smarthost->helo ? smarthost->helo : flush->settings.helohost,
		.user = smarthost->user,
		.is_token = smarthost->tokenfile || smarthost->tokencommand,
		.secret = flush->lanes.secret,
		.auth = smarthost->auth,
		.cafile = control_path(smarthost->cafile, cafile),
		.name_servers = flush->lanes.link.dns,
		.bind_to = flush->lanes.bind_to[0] ? flush->lanes.bind_to : NULL,
		.addresses = server_addresses(flush),
		.ticket = buf_span(&flush->server.ticket),
		.line = line_of(&flush->lanes.pace),
		.clock_in_doubt = clock_in_doubt(flush->root_fd),
	};

	session->by_memory = request.addresses != NULL;
	session->dial = dial_start(flush->loop, &request, on_dialled, session);
}

void session_redial(struct session *session)
{
	if (session->client)
		return;
	session->flush->meter.closed_bytes += session_used(session);
	dial_close(session->dial);
	session->dial = NULL;
	dial(session,
	     session->plain ? DIAL_PLAIN : dial_tls_of[session->flush->smarthost.tls]);
}

static void on_not_dialled(struct session *session, const struct err *err)
{
	struct err copy = *err;

	/* tls try: a handshake that fails is no reason to keep mail that may go in plain
	 * text. A login may not. */
	if (session->flush->smarthost.tls == SMARTHOST_TLS_TRY && !session->plain &&
	    !session->flush->smarthost.user && dial_failed_in_tls(session->dial)) {
		log_warning("smarthost=%s goes on without TLS: %s",
			    session->flush->smarthost.name, copy.text);
		session->plain = true;
		session_redial(session);
		return;
	}
	/* Perhaps it has moved. */
	if (copy.kind == ERR_TEMPORARY && session->by_memory &&
	    !session->flush->connected && !session->flush->destination) {
		log_info("flush smarthost=%s asks for addresses anew: %s",
			 session->flush->smarthost.name, copy.text);
		server_forget_addresses(session->flush);
		session_redial(session);
		return;
	}
	lost(session, &copy);
}

static void on_dialled(void *ctx, struct dial *connected, const struct err *err)
{
	struct session *session = ctx;
	struct flush *flush = session->flush;
	struct smtp_offer offer;

	if (err) {
		on_not_dialled(session, err);
		return;
	}
	read_offer(connected, &offer);
	session->need = need_of(&flush->smarthost, &offer);
	/* QMTP waits for nothing between two messages. */
	if (flush->smarthost.type == SMARTHOST_QMTP)
		offer = (struct smtp_offer){ .pipelining = true, .chunking = true };
	log_info("flush smarthost=%s connected=%s tls=%s pipelining=%d chunking=%d",
		 flush->smarthost.name, dial_address(connected),
		 dial_has_tls(connected) ? "yes" : "no", offer.pipelining,
		 offer.chunking);
	session->client = flush->smarthost.type == SMARTHOST_QMTP
				  ? engine_new_qmtp()
				  : engine_new_smtp(&offer);
	server_learn(flush, connected);
	lanes_ready(flush, &offer);
	flush->doing = "sending";
	ev_io_init(&session->io, on_io, dial_fd(connected), EV_READ);
	session->io.data = session;
	stream_set_window(session);
	session_go_on(session);
}

void session_start(struct flush *flush)
{
	struct session *session = must_alloc(sizeof(*session)), **last;

	*session = (struct session){ .flush = flush,
				     .end = &session->first,
				     .chunk = BUF_INIT(4 * CHUNK_BYTES) };
	ev_timer_init(&session->deadline, on_deadline, 0., 0.);
	ev_timer_init(&session->look, on_look, 0., 0.);
	session->deadline.data = session->look.data = session;
	for (last = &flush->lanes.first; *last; last = &(*last)->next)
		;
	*last = session;
	dial(session, dial_tls_of[flush->smarthost.tls]);
}

struct session *session_next(const struct session *session)
{
	return session->next;
}

size_t session_unanswered(const struct session *session)
{
	size_t count = 0;

	for (const struct mail *mail = session->first; mail; mail = mail->next)
		count++;
	return count;
}

bool session_has(const struct session *session, const char *id)
{
	for (const struct mail *mail = session->first; mail; mail = mail->next)
		if (strcmp(mail->name.id, id) == 0)
			return true;
	return false;
}

bool session_is_connected(const struct session *session)
{
	return session->client != NULL;
}

bool session_is_drained(const struct session *session)
{
	return !session->first && !session->writing;
}

uint64_t session_used(const struct session *session)
{
	return session->dial ? dial_used(session->dial) : 0;
}

/* What is encoded may still be in a chunk here or in the kernel. */
uint64_t session_begun_cost(const struct session *session)
{
	uint64_t bytes = 0;

	for (const struct mail *mail = session->first; mail; mail = mail->next) {
		uint64_t cost = order_cost(&mail->name);
		uint64_t out = mail->begun ? mail->encoded : 0;

		out = out > ON_THE_WAY_BYTES ? out - ON_THE_WAY_BYTES : 0;
		bytes += cost > out ? cost - out : 0;
	}
	return bytes;
}

uint64_t session_bytes_out(const struct session *session)
{
	uint64_t bytes = 0;

	for (const struct mail *mail = session->first; mail; mail = mail->next)
		bytes += mail->begun ? mail->encoded : 0;
	return bytes;
}
