#include "programs/lontar-pickup/session.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "programs/lontar-pickup/conversation.h"

#define SILENCE_S    120.
#define GOODBYE_S    15. /* QUIT's answer is not worth more of the link */
#define READ_BYTES   ((size_t)16384)
#define RENEWALS_MAX 10000 /* a server that forgets what was removed ends here */

static void free_session(struct session *session)
{
	struct work *work = session->work;

	ev_io_stop(work->loop, &session->io);
	ev_timer_stop(work->loop, &session->silence);
	work->meter.closed_bytes += session_used(session);
	dial_close(session->dial);
	conversation_end(session);
	free(session);
	work->session = NULL;
}

void session_close(struct session *session)
{
	if (session)
		free_session(session);
}

static void lost(struct session *session, const struct err *err)
{
	struct work *work = session->work;

	work_blame(work, err);
	work_end(work);
}

static void lost_because(struct session *session, const char *why)
{
	struct err err = { 0 };

	err_temporary(&err, "4.4.2", "%s: %s", session->work->pickup.host, why);
	lost(session, &err);
}

static void on_silence(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	lost_because(watcher->data, "no answer for minutes");
}

static bool write_commands(struct session *session, struct err *err)
{
	struct buf *commands = provider_outgoing(&session->provider);

	while (commands->len) {
		size_t moved;

		switch (dial_send(session->dial, commands->data, commands->len, &moved)) {
		case DIAL_DONE:
			buf_consume(commands, moved);
			break;
		case DIAL_AGAIN:
			return true;
		case DIAL_CLOSED:
			return err_temporary(err, "4.4.2", "%s closed the connection",
					     session->work->pickup.host);
		}
	}
	return true;
}

static bool read_replies(struct session *session, struct err *err)
{
	char bytes[READ_BYTES];
	size_t moved;

	for (;;) {
		switch (dial_receive(session->dial, bytes, sizeof(bytes), &moved)) {
		case DIAL_DONE:
			if (!conversation_hear(session, (struct span){ bytes, moved },
					       err))
				return false;
			break;
		case DIAL_AGAIN:
			return true;
		case DIAL_CLOSED:
			return session->quit_done ||
			       err_temporary(err, "4.4.2", "%s closed the connection",
					     session->work->pickup.host);
		}
		meter_look(session->work);
		if (session->quit_done || session->work->stopping)
			return true;
		/* The next is asked for as soon as it may be, not when all that has come
		 * is read. */
		conversation_ask(session);
		if (!write_commands(session, err))
			return false;
	}
}

static void go_on(struct session *session)
{
	struct work *work = session->work;
	struct err err = { 0 };

	conversation_ask(session);
	if (!write_commands(session, &err) || !read_replies(session, &err)) {
		lost(session, &err);
		return;
	}
	if (session->quit_done) {
		bool renew = session->renew && !work->stopping &&
			     ++work->renewals < RENEWALS_MAX;

		work->held = session->plan.held;
		free_session(session);
		if (renew && session_start(work, &err))
			return;
		if (renew)
			work_blame(work, &err);
		work->succeeded = !renew;
		work_end(work);
		return;
	}
	session->silence.repeat = session->has_quit ? GOODBYE_S : SILENCE_S;
	ev_timer_again(work->loop, &session->silence);
	ev_io_stop(work->loop, &session->io);
	ev_io_set(&session->io, dial_fd(session->dial),
		  EV_READ | (provider_outgoing(&session->provider)->len ? EV_WRITE : 0));
	ev_io_start(work->loop, &session->io);
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	go_on(watcher->data);
}

static void on_dialled(void *ctx, struct dial *connected, const struct err *err)
{
	struct session *session = ctx;
	struct work *work = session->work;

	if (err) {
		if (err->kind == ERR_PERMANENT)
			work->note.refused = true;
		lost(session, err);
		return;
	}
	work->note.refused = false;
	log_info("pickup name=%s connected=%s tls=%s", work->pickup.name,
		 dial_address(connected), dial_has_tls(connected) ? "yes" : "no");
	work->doing = "listing";
	conversation_begin(session, dial_ehlo(connected));
	ev_io_init(&session->io, on_io, dial_fd(connected), EV_READ);
	session->io.data = session;
	go_on(session);
}

static const enum dial_tls dial_tls_of[] = {
	[SMARTHOST_TLS_NONE] = DIAL_PLAIN,
	[SMARTHOST_TLS_TRY] = DIAL_TRY,
	[SMARTHOST_TLS_STARTTLS] = DIAL_STARTTLS,
	[SMARTHOST_TLS_IMPLICIT] = DIAL_IMPLICIT,
};

/* Where names in a pickup's file are no whole paths, they are below control/. */
static const char *control_path(const char *path, char out[PATH_MAX])
{
	if (!path || path[0] == '/')
		return path;
	snprintf(out, PATH_MAX, "control/%s", path);
	return out;
}

static void begin(struct work *work, char *secret)
{
	const struct pickup *pickup = &work->pickup;
	const struct meter *meter = &work->meter;
	struct session *session;
	char cafile[PATH_MAX];
	struct dial_request request = {
		.protocol = provider_kind_of(work)->dial,
		.host = pickup->host,
		.port = pickup->port,
		.tls = dial_tls_of[pickup->tls],
		.user = pickup->user,
		.is_token = !pickup->passwordfile,
		.cafile = control_path(pickup->cafile, cafile),
		.name_servers = meter->link.dns[0] ? meter->link.dns : NULL,
		.bind_to = meter->bind_to[0] ? meter->bind_to : NULL,
		.secret = secret,
		.clock_in_doubt = clock_in_doubt(work->root_fd),
	};

	session = must_alloc(sizeof(*session));
	session->work = work;
	ev_timer_init(&session->silence, on_silence, 0., SILENCE_S);
	session->silence.data = session;
	work->session = session;
	session->began_ms = clock_monotonic_ms();
	work->doing = "connecting";
	session->dial = dial_start(work->loop, &request, on_dialled, session);
	explicit_bzero(secret, strlen(secret));
	free(secret);
}

static void on_token(void *ctx, char *token, struct err *err)
{
	struct work *work = ctx;

	if (token) {
		begin(work, token);
		return;
	}
	err_context(err, "pickup %s", work->pickup.name);
	work_blame(work, err);
	work_end(work);
}

bool session_start(struct work *work, struct err *err)
{
	const struct pickup *pickup = &work->pickup;
	const struct token_request request = { .command = pickup->tokencommand,
					       .login = pickup->login,
					       .done = on_token,
					       .ctx = work };
	char *secret;

	if (!pickup->passwordfile && !pickup->tokenfile)
		return token_ask(&work->token, work->loop, work->control_fd, &request,
				 err) ||
		       err_context(err, "pickup %s", pickup->name);
	secret = pickup_secret(work->control_fd, pickup, err);
	if (secret)
		begin(work, secret);
	return secret != NULL;
}

uint64_t session_used(const struct session *session)
{
	return session && session->dial ? dial_used(session->dial) : 0;
}

int64_t session_age_ms(const struct session *session)
{
	return session ? clock_monotonic_ms() - session->began_ms : 0;
}

struct session_left session_left(const struct session *session)
{
	if (!session || !session->is_listed)
		return (struct session_left){ .is_known = false };
	return (struct session_left){ .is_known = true,
				      .messages = session->plan.fetch_left,
				      .bytes = session->plan.fetch_bytes,
				      .held = session->plan.held,
				      .partly_bytes = session->message.bytes };
}
