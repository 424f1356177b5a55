#include "programs/lontar-pickup/provider_connection.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "programs/lontar-pickup/conversation.h"

#define DIAL_TIMEOUT_S 120
#define SILENCE_S      120.
#define GOODBYE_S      15. /* QUIT's answer is not worth more of the link */
#define READ_BYTES     ((size_t)16384)
#define RENEWALS_MAX   10000 /* a server that forgets what was removed ends here */

static void free_connection(struct provider_connection *connection)
{
	struct work *work = connection->work;

	ev_io_stop(work->loop, &connection->io);
	ev_timer_stop(work->loop, &connection->silence);
	work->meter.closed_bytes += provider_connection_used(connection);
	dial_close(connection->dial);
	conversation_end(connection);
	free(connection);
	work->connection = NULL;
}

void provider_connection_close(struct provider_connection *connection)
{
	if (connection)
		free_connection(connection);
}

static void lost(struct provider_connection *connection, const struct err *err)
{
	struct work *work = connection->work;

	work_blame(work, err);
	work_end(work);
}

static void lost_because(struct provider_connection *connection, const char *why)
{
	struct err err = { 0 };

	err_temporary(&err, "4.4.2", "%s: %s", connection->work->pickup.host, why);
	lost(connection, &err);
}

static void on_silence(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	lost_because(watcher->data, "no answer for minutes");
}

static bool write_commands(struct provider_connection *connection, struct err *err)
{
	struct buf *commands = provider_outgoing(&connection->provider);

	while (commands->len) {
		size_t moved;

		switch (dial_send(connection->dial, commands->data, commands->len,
				  &moved)) {
		case DIAL_DONE:
			buf_consume(commands, moved);
			break;
		case DIAL_AGAIN:
			return true;
		case DIAL_CLOSED:
			return err_temporary(err, "4.4.2", "%s closed the connection",
					     connection->work->pickup.host);
		}
	}
	return true;
}

static bool read_replies(struct provider_connection *connection, struct err *err)
{
	char bytes[READ_BYTES];
	size_t moved;

	for (;;) {
		switch (dial_receive(connection->dial, bytes, sizeof(bytes), &moved)) {
		case DIAL_DONE:
			if (!conversation_hear(connection, (struct span){ bytes, moved },
					       err))
				return false;
			break;
		case DIAL_AGAIN:
			return true;
		case DIAL_CLOSED:
			return connection->quit_done ||
			       err_temporary(err, "4.4.2", "%s closed the connection",
					     connection->work->pickup.host);
		}
		meter_look(connection->work);
		if (connection->quit_done || connection->work->stopping)
			return true;
		/* The next is asked for as soon as it may be, not when all that has come
		 * is read. */
		conversation_ask(connection);
		if (!write_commands(connection, err))
			return false;
	}
}

static void go_on(struct provider_connection *connection)
{
	struct work *work = connection->work;
	struct err err = { 0 };

	conversation_ask(connection);
	if (!write_commands(connection, &err) || !read_replies(connection, &err)) {
		lost(connection, &err);
		return;
	}
	if (connection->quit_done) {
		bool renew = connection->renew && !work->stopping &&
			     ++work->renewals < RENEWALS_MAX;

		work->held = connection->plan.held;
		free_connection(connection);
		if (renew && provider_connection_start(work, &err))
			return;
		if (renew)
			work_blame(work, &err);
		work->succeeded = !renew;
		work_end(work);
		return;
	}
	connection->silence.repeat = connection->has_quit ? GOODBYE_S : SILENCE_S;
	ev_timer_again(work->loop, &connection->silence);
	ev_io_stop(work->loop, &connection->io);
	ev_io_set(&connection->io, dial_fd(connection->dial),
		  EV_READ |
			  (provider_outgoing(&connection->provider)->len ? EV_WRITE : 0));
	ev_io_start(work->loop, &connection->io);
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	go_on(watcher->data);
}

static void on_dialled(void *ctx, struct dial *connected, const struct err *err)
{
	struct provider_connection *connection = ctx;
	struct work *work = connection->work;

	if (err) {
		if (err->kind == ERR_PERMANENT)
			work->note.refused = true;
		lost(connection, err);
		return;
	}
	work->note.refused = false;
	log_info("pickup name=%s connected=%s tls=%s", work->pickup.name,
		 dial_address(connected), dial_has_tls(connected) ? "yes" : "no");
	work->doing = "listing";
	conversation_begin(connection, dial_ehlo(connected));
	ev_io_init(&connection->io, on_io, dial_fd(connected), EV_READ);
	connection->io.data = connection;
	go_on(connection);
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
	struct provider_connection *connection;
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
		.timeout_s = DIAL_TIMEOUT_S,
	};

	connection = must_alloc(sizeof(*connection));
	connection->work = work;
	ev_timer_init(&connection->silence, on_silence, 0., SILENCE_S);
	connection->silence.data = connection;
	work->connection = connection;
	connection->began_ms = clock_monotonic_ms();
	work->doing = "connecting";
	connection->dial = dial_start(work->loop, &request, on_dialled, connection);
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

bool provider_connection_start(struct work *work, struct err *err)
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

uint64_t provider_connection_used(const struct provider_connection *connection)
{
	return connection && connection->dial ? dial_used(connection->dial) : 0;
}

int64_t provider_connection_age_ms(const struct provider_connection *connection)
{
	return connection ? clock_monotonic_ms() - connection->began_ms : 0;
}

struct provider_connection_left
provider_connection_left(const struct provider_connection *connection)
{
	if (!connection || !connection->is_listed)
		return (struct provider_connection_left){ .is_known = false };
	return (struct provider_connection_left){ .is_known = true,
						  .messages = connection->plan.fetch_left,
						  .bytes = connection->plan.fetch_bytes,
						  .held = connection->plan.held,
						  .partly_bytes =
							  connection->message.bytes };
}
