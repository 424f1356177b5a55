#include "programs/lontar-pickup/provider_connection.h"

#include <limits.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/dial.h"
#include "transfer/remote_account.h"

#define SILENCE_S  120.
#define GOODBYE_S  15. /* QUIT's answer is not worth more of the link */
#define READ_BYTES ((size_t)16384)

struct provider_connection {
	struct ev_loop *loop;
	const struct remote_mailbox *mailbox;
	const struct fetch_events *events;
	void *ctx;
	struct dial *dial;
	struct conversation *conversation; /* NULL until the login is done */
	int64_t began_ms;
	ev_io io;
	ev_timer silence;
};

static void lost_because(struct provider_connection *connection, const char *why)
{
	struct err err = { 0 };

	err_temporary(&err, "4.4.2", "%s: %s", connection->mailbox->pickup.host, why);
	connection->events->on_lost(connection->ctx, &err);
}

static void on_silence(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	lost_because(watcher->data, "no answer for minutes");
}

static bool write_commands(struct provider_connection *connection, struct err *err)
{
	struct buf *commands = conversation_outgoing(connection->conversation);

	while (commands->len) {
		size_t moved;

		switch (dial_send(connection->dial, commands->data, commands->len,
				  &moved)) {
		case DIAL_DONE:
			buf_consume(commands, moved);
			break;
		case DIAL_AGAIN:
			return true;
		case DIAL_FINISHED:
		case DIAL_CLOSED:
			return err_temporary(err, "4.4.2", "%s closed the connection",
					     connection->mailbox->pickup.host);
		}
	}
	return true;
}

static bool read_replies(struct provider_connection *connection, struct err *err)
{
	struct conversation *conversation = connection->conversation;
	char bytes[READ_BYTES];
	size_t moved;

	for (;;) {
		switch (dial_receive(connection->dial, bytes, sizeof(bytes), &moved)) {
		case DIAL_DONE:
			if (!conversation_receive(conversation,
						  (struct span){ bytes, moved }, err))
				return false;
			break;
		case DIAL_AGAIN:
			return true;
		case DIAL_FINISHED:
		case DIAL_CLOSED:
			return conversation_is_over(conversation) ||
			       err_temporary(err, "4.4.2", "%s closed the connection",
					     connection->mailbox->pickup.host);
		}
		if (!connection->events->may_continue(connection->ctx) ||
		    conversation_is_over(conversation))
			return true;
		/* The next is asked for as soon as it may be, not when all that has come
		 * is read. */
		conversation_ask(conversation);
		if (!write_commands(connection, err))
			return false;
	}
}

static void wait_for_server(struct provider_connection *connection)
{
	struct conversation *conversation = connection->conversation;
	bool has_commands = conversation_outgoing(conversation)->len > 0;

	connection->silence.repeat =
		conversation_is_ending(conversation) ? GOODBYE_S : SILENCE_S;
	ev_timer_again(connection->loop, &connection->silence);
	ev_io_stop(connection->loop, &connection->io);
	ev_io_set(&connection->io, dial_fd(connection->dial),
		  EV_READ | (has_commands ? EV_WRITE : 0));
	ev_io_start(connection->loop, &connection->io);
}

static void resume(struct provider_connection *connection)
{
	struct conversation *conversation = connection->conversation;
	struct err err = { 0 };

	conversation_ask(conversation);
	if (!write_commands(connection, &err) || !read_replies(connection, &err))
		connection->events->on_lost(connection->ctx, &err);
	else if (conversation_is_over(conversation))
		connection->events->on_done(connection->ctx,
					    conversation_has_more(conversation));
	else
		wait_for_server(connection);
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	resume(watcher->data);
}

static void on_dialled(void *ctx, struct dial *connected, const struct err *err)
{
	struct provider_connection *connection = ctx;

	if (err) {
		connection->events->on_not_connected(connection->ctx, err);
		return;
	}
	log_info("pickup name=%s connected=%s tls=%s", connection->mailbox->pickup.name,
		 dial_address(connected), dial_has_tls(connected) ? "yes" : "no");
	connection->events->on_connected(connection->ctx);
	connection->conversation = conversation_open(
		connection->mailbox,
		&(struct conversation_server){ .offer = dial_ehlo(connected),
					       .address = dial_address(connected),
					       .has_tls = dial_has_tls(connected),
					       .events = connection->events,
					       .ctx = connection->ctx });
	ev_io_init(&connection->io, on_io, dial_fd(connected), EV_READ);
	connection->io.data = connection;
	resume(connection);
}

struct provider_connection *
provider_connection_open(struct ev_loop *loop, const struct remote_mailbox *mailbox,
			 const char *secret, const struct fetch_events *events, void *ctx)
{
	struct provider_connection *connection = must_alloc(sizeof(*connection));
	struct remote_account account = remote_account_of_pickup(&mailbox->pickup);
	char cafile[PATH_MAX];
	struct dial_request request =
		remote_account_request(&account, &mailbox->path, secret, cafile);

	*connection = (struct provider_connection){ .loop = loop,
						    .mailbox = mailbox,
						    .events = events,
						    .ctx = ctx,
						    .began_ms = clock_monotonic_ms() };
	ev_timer_init(&connection->silence, on_silence, 0., SILENCE_S);
	connection->silence.data = connection;
	request.clock_in_doubt = clock_in_doubt(mailbox->root_fd);
	connection->dial = dial_start(loop, &request, on_dialled, connection);
	return connection;
}

struct fetch_left provider_connection_left(const struct provider_connection *connection)
{
	return conversation_left(connection ? connection->conversation : NULL);
}

uint64_t provider_connection_used(const struct provider_connection *connection)
{
	return connection ? dial_used(connection->dial) : 0;
}

int64_t provider_connection_age_ms(const struct provider_connection *connection)
{
	return connection ? clock_monotonic_ms() - connection->began_ms : 0;
}

void provider_connection_close(struct provider_connection *connection)
{
	if (!connection)
		return;
	ev_io_stop(connection->loop, &connection->io);
	ev_timer_stop(connection->loop, &connection->silence);
	conversation_close(connection->conversation);
	dial_close(connection->dial);
	free(connection);
}
