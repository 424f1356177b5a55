#include "programs/lontar-flush/session.h"

#include <inttypes.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "link/order.h"
#include "net/dial.h"
#include "programs/lontar-flush/outcome.h"
#include "smtp/client.h"

#define DIAL_TIMEOUT_S    300 /* RFC 5321 4.5.3.2.1: the greeting may take five minutes */
#define REPLY_TIMEOUT_S   300
#define FINAL_TIMEOUT_S   600 /* 4.5.3.2.6: after the final dot */
#define CLOSING_TIMEOUT_S 10
#define CHUNK_BYTES       16384 /* one TLS record */
#define WINDOW_MESSAGES   32
#define WINDOW_BYTES_MIN  (32 * 1024)
#define WINDOW_BYTES_MAX  (1024 * 1024)
#define CHUNKS_A_TURN     16
#define MARK_AHEAD        8 /* files renamed together where one message is in doubt */

struct session {
	struct flush *flush;
	struct dial *dial;
	struct smtp_client *client; /* NULL until connected */
	struct mail *first;         /* begun and not answered, in order */
	struct mail **end;
	ev_io io;
	ev_timer deadline;
	struct buf chunk; /* being written: the same bytes until they are all gone */
	size_t chunk_sent;
	uint64_t chunk_base; /* bytes that TCP had taken before it */
	uint64_t taken;      /* bytes that TCP has taken, after the last chunk */
	bool writing;        /* something is left to write, or may be */
	bool ending;
};

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
 * Encrypted bytes are more than plain ones, so a mark is never too high.
 */
static void sort_unanswered(struct session *session)
{
	bool nothing_taken = session->client && smtp_client_was_closed(session->client);
	struct tcp_info info = { 0 };
	uint64_t sent = 0, other;

	if (session->first) {
		tcp_state(session, &info);
		sent = bytes_sent(&info);
		/* Two ways to count; the one that leaves more in doubt is believed. */
		other = session->taken - (info.tcpi_notsent_bytes < session->taken
						  ? info.tcpi_notsent_bytes
						  : session->taken);
		sent = other > sent ? other : sent;
	}
	while (session->first) {
		struct mail *mail = session->first;

		forget(session, mail);
		if (mail->written && mail->mark <= sent && !nothing_taken)
			outcome_uncertain(session->flush, mail);
		else
			outcome_unsent(session->flush, mail);
	}
}

static void free_session(struct session *session)
{
	struct flush *flush = session->flush;

	ev_io_stop(flush->loop, &session->io);
	ev_timer_stop(flush->loop, &session->deadline);
	dial_close(session->dial);
	smtp_client_free(session->client);
	buf_clear(&session->chunk);
	free(session);
	flush->session = NULL;
}

void session_close(struct session *session)
{
	static const char quit[] = "QUIT\r\n";
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	bool clean;
	size_t moved;

	if (!session || session->ending)
		return;
	session->ending = true;
	clean = session->client && !session->first && !session->chunk.len &&
		!smtp_client_failure(session->client);
	if (clean && dial_send(session->dial, quit, strlen(quit), &moved) == DIAL_CLOSED)
		clean = false;
	sort_unanswered(session);
	/* What the kernel still has must not leave after it was counted as unsent. */
	if (!clean && session->client)
		setsockopt(dial_fd(session->dial), SOL_SOCKET, SO_LINGER, &at_once,
			   sizeof(at_once));
	free_session(session);
}

/* The connection is of no more use; the flush ends of it. */
static void lost(struct session *session, const struct err *err)
{
	struct flush *flush = session->flush;

	flush->lost = true;
	flush_blame(flush, err);
	session_close(session);
	flush_end(flush);
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

	ev_timer_stop(loop, &session->deadline);
	if (!session->first)
		return;
	ev_timer_set(&session->deadline,
		     smtp_client_was_closed(session->client) ? CLOSING_TIMEOUT_S
		     : session->first->written               ? FINAL_TIMEOUT_S
							     : REPLY_TIMEOUT_S,
		     0.);
	ev_timer_start(loop, &session->deadline);
}

/* Enough to fill the link, twice: some servers' replies leave in two Nagled writes, so
 * that a window works as if it were half as wide. */
static void set_window(struct session *session)
{
	struct smarthost_note *note = &session->flush->note;
	uint64_t messages = session->flush->smarthost.indoubt, bytes;
	struct tcp_info info;

	tcp_state(session, &info);
	if (info.tcpi_rtt)
		note->rtt_us = info.tcpi_min_rtt && info.tcpi_min_rtt != UINT32_MAX
				       ? info.tcpi_min_rtt
				       : info.tcpi_rtt;
	if (info.tcpi_delivery_rate > note->bytes_per_s ||
	    !info.tcpi_delivery_rate_app_limited)
		note->bytes_per_s = info.tcpi_delivery_rate;
	bytes = note->bytes_per_s / 1000 * note->rtt_us / 1000 * 2;
	if (bytes < WINDOW_BYTES_MIN)
		bytes = WINDOW_BYTES_MIN;
	if (bytes > WINDOW_BYTES_MAX)
		bytes = WINDOW_BYTES_MAX;
	smtp_client_set_window(session->client, messages ? messages : WINDOW_MESSAGES,
			       bytes);
}

/* A file that is not as it must be is held, with the reason in the log: trying again
 * cannot help, and its sender cannot be told what he did wrong. */
static void hold_broken(struct flush *flush, struct parked_name *name,
			const struct err *why)
{
	struct parked_name to = *name;
	struct err err = { 0 };

	log_error("held smarthost=%s id=%s reason=%s", flush->smarthost.name, name->id,
		  why->text);
	flush_blame(flush, why);
	to.state = PARKED_HELD;
	if (!queue_rename(&flush->queue, name, &to, &err))
		log_failure(&err);
}

static void begin(struct session *session, struct mail *mail)
{
	struct flush *flush = session->flush;
	const char *sender = mail->envelope.sender;

	/* qmail's mark for "tell nobody" is no address: on the wire it is the null
	 * sender. */
	if (strcmp(sender, "#@[]") == 0)
		sender = "";
	mail->first_delivery = flush->tally.deliveries + 1;
	flush->tally.deliveries += mail->count;
	for (size_t i = 0; i < mail->count; i++) {
		char token[400];

		log_info("starting delivery %" PRIu64 ": msg %" PRIu64 " to remote %s",
			 outcome_delivery(mail->first_delivery + i), mail->inode,
			 log_token(mail->recipients[i], token, sizeof(token)));
	}
	*session->end = mail;
	session->end = &mail->next;
	smtp_client_start(session->client,
			  &(struct smtp_client_message){ .tag = mail,
							 .sender = sender,
							 .recipients = mail->recipients,
							 .count = mail->count,
							 .wire_bytes = mail->wire_bytes,
							 .eight_bit = mail->eight_bit });
}

enum begun {
	BEGUN,
	NONE_TO_BEGIN, /* none is left, or not now */
	BEGIN_FAILED,
};

/* Takes one message to the server, or deals with it here where it cannot go. */
static void begin_one(struct session *session, struct parked_name *name)
{
	struct flush *flush = session->flush;
	uint64_t maxsize = flush->smarthost.maxsize;
	struct err err = { 0 };
	struct mail *mail = mail_open(flush->parked, name, &err);

	if (!mail && err.exit_code == EX_NOINPUT)
		return;
	if (!mail && err.kind == ERR_PERMANENT)
		hold_broken(flush, name, &err);
	else if (!mail)
		outcome_unreadable(flush, name, &err);
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

	if (!next || flush->stopping ||
	    !smtp_client_may_start(session->client, next->wire_bytes))
		return NONE_TO_BEGIN;
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

	while ((result = smtp_client_take(session->client))) {
		struct mail *mail = result->tag, **at = &session->first;

		/* Most are the first; one that was refused here at once is not. */
		while (*at != mail)
			at = &(*at)->next;
		*at = mail->next;
		if (session->end == &mail->next)
			session->end = at;
		mail->next = NULL;
		outcome_result(session->flush, mail, result);
	}
}

static bool put_body(struct session *session, struct mail *mail, bool dots,
		     struct err *err)
{
	bool end;

	if (!mail->begun)
		mail_rewind(mail, dots);
	mail->begun = true;
	if (!mail_encode(mail, CHUNK_BYTES - session->chunk.len, &session->chunk, &end,
			 err))
		return false;
	if (end) {
		mail->written = true;
		mail->mark = session->chunk_base + session->chunk.len;
		smtp_client_body_done(session->client);
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
	struct buf *commands = smtp_client_commands(session->client);
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
		mail = smtp_client_body(session->client, &dots);
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
	const struct err *failure = smtp_client_failure(session->client);

	if (failure) {
		*err = *failure;
		return err_context(err, "%s", session->flush->smarthost.host);
	}
	return err_temporary(err, "4.4.2", "%s: the connection died",
			     session->flush->smarthost.host);
}

static bool write_some(struct session *session, struct err *err)
{
	struct tcp_info info;

	for (int turn = 0; turn < CHUNKS_A_TURN; turn++) {
		size_t moved;

		if (!session->chunk.len && !fill_chunk(session, err))
			return false;
		session->writing = session->chunk.len > 0;
		if (!session->writing)
			return true;
		switch (dial_send(session->dial,
				  session->chunk.data + session->chunk_sent,
				  session->chunk.len - session->chunk_sent, &moved)) {
		case DIAL_DONE:
			session->chunk_sent += moved;
			break;
		case DIAL_AGAIN:
			return true;
		case DIAL_CLOSED:
			return died(session, err);
		}
		tcp_state(session, &info);
		session->taken = bytes_taken(&info);
		if (session->chunk_sent < session->chunk.len)
			continue;
		buf_reset(&session->chunk);
		session->chunk_sent = 0;
	}
	return true;
}

static bool read_replies(struct session *session, struct err *err)
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
		fed = smtp_client_feed(session->client, (struct span){ bytes, got });
		take_results(session);
		if (!fed)
			return died(session, err);
		set_window(session);
		set_deadline(session);
	}
}

void session_go_on(struct session *session)
{
	struct flush *flush = session->flush;
	struct err err = { 0 };

	if (!session->client)
		return;
	if (!read_replies(session, &err) || !write_some(session, &err)) {
		lost(session, &err);
		return;
	}
	if (!ev_is_active(&session->deadline))
		set_deadline(session);
	ev_io_stop(flush->loop, &session->io);
	ev_io_set(&session->io, dial_fd(session->dial),
		  EV_READ | (session->writing ? EV_WRITE : 0));
	ev_io_start(flush->loop, &session->io);
	if (!session->first && !session->writing)
		flush_drained(flush);
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	session_go_on(watcher->data);
}

static void read_offer(const struct dial *dial, struct smtp_offer *offer_out)
{
	struct span lines = dial_ehlo(dial), line;
	bool first = true;

	*offer_out = (struct smtp_offer){ 0 };
	while (span_cut(&lines, '\n', &line)) {
		if (!first && line.len)
			smtp_offer_line(offer_out, line);
		first = false;
	}
}

static void on_dialled(void *ctx, struct dial *dial, const struct err *err)
{
	struct session *session = ctx;
	struct flush *flush = session->flush;
	struct smtp_offer offer;

	if (err) {
		struct err copy = *err;

		if (copy.kind == ERR_PERMANENT)
			flush_hold(flush, &copy);
		lost(session, &copy);
		return;
	}
	read_offer(dial, &offer);
	log_info("flush smarthost=%s connected=%s tls=%s pipelining=%d chunking=%d",
		 flush->smarthost.name, dial_address(dial),
		 dial_has_tls(dial) ? "yes" : "no", offer.pipelining, offer.chunking);
	/* Exim keeps a sender whose recipients were all refused when BDAT follows. */
	session->client =
		smtp_client_new(&offer, strstr(dial_greeting(dial), " Exim ") != NULL);
	flush->connected = true;
	flush->doing = "sending";
	ev_io_init(&session->io, on_io, dial_fd(dial), EV_READ);
	session->io.data = session;
	set_window(session);
	session_go_on(session);
}

static const enum dial_tls dial_tls_of[] = {
	[SMARTHOST_TLS_NONE] = DIAL_PLAIN,
	[SMARTHOST_TLS_TRY] = DIAL_TRY,
	[SMARTHOST_TLS_STARTTLS] = DIAL_STARTTLS,
	[SMARTHOST_TLS_IMPLICIT] = DIAL_IMPLICIT,
};

bool session_start(struct flush *flush, struct err *err)
{
	const struct smarthost *smarthost = &flush->smarthost;
	struct session *session;
	struct link_note link = { 0 };
	struct dial_request request = {
		.host = smarthost->host,
		.port = smarthost->port,
		.tls = dial_tls_of[smarthost->tls],
		.helo = smarthost->helo ? smarthost->helo : flush->settings.helohost,
		.user = smarthost->user,
		.is_token = smarthost->tokenfile || smarthost->tokencommand,
		.auth = smarthost->auth,
		.cafile = smarthost->cafile,
		.timeout_s = DIAL_TIMEOUT_S,
	};
	char *secret = NULL;

	if (smarthost->user) {
		secret = smarthost_secret(flush->control_fd, smarthost, err);
		if (!secret)
			return false;
	}
	request.secret = secret;
	if (link_serves(flush->root_fd, flush->control_fd, smarthost->name, &link))
		request.name_servers = link.dns;
	session = must_alloc(sizeof(*session));
	*session = (struct session){ .flush = flush,
				     .end = &session->first,
				     .chunk = BUF_INIT(4 * CHUNK_BYTES) };
	ev_timer_init(&session->deadline, on_deadline, 0., 0.);
	session->deadline.data = session;
	flush->session = session;
	flush->doing = "connecting";
	session->dial = dial_start(flush->loop, &request, on_dialled, session);
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
	return true;
}

size_t session_unanswered(const struct session *session)
{
	size_t count = 0;

	for (const struct mail *mail = session ? session->first : NULL; mail;
	     mail = mail->next)
		count++;
	return count;
}

bool session_has(const struct session *session, const char *id)
{
	for (const struct mail *mail = session ? session->first : NULL; mail;
	     mail = mail->next)
		if (strcmp(mail->name.id, id) == 0)
			return true;
	return false;
}

bool session_is_connected(const struct session *session)
{
	return session && session->client;
}

uint64_t session_bytes_out(const struct session *session)
{
	uint64_t bytes = 0;

	for (const struct mail *mail = session ? session->first : NULL; mail;
	     mail = mail->next)
		bytes += mail->begun ? mail->encoded : 0;
	return bytes;
}
