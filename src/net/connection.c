#include "net/connection.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "net/stream.h"

#define FINISH_S 5.0 /* for the last reply to leave */
#define LINGER_S 2.0 /* for the peer to close as well */

struct connection {
	struct ev_loop *loop;
	connection_handler *handler;
	void *ctx;
	struct stream stream;
	ev_io reader, writer;
	ev_timer timer;
	ev_tstamp deadline_at; /* 0: none; the timer may go off earlier and look */
	ev_prepare turn;       /* never started: fed, to be called by the loop soon */
	bool busy;             /* in a call-back of the loop: closing waits for its end */
	bool closed;           /* connection_close was called in it */
	bool finishing;        /* connection_finish was called: no events */
	bool lingering;        /* all is sent: read and forget until the peer closes */
	bool paused;
	bool resumed; /* tell of the input that is left */
	bool stalled; /* reading stopped for want of room */
	bool wrote;   /* DRAINED is owed */
	bool told_closed;
	bool told_broken; /* when CLOSED was told, he was not to be written to either */
};

static void release(struct connection *connection)
{
	struct ev_loop *loop = connection->loop;

	ev_io_stop(loop, &connection->reader);
	ev_io_stop(loop, &connection->writer);
	ev_timer_stop(loop, &connection->timer);
	ev_clear_pending(loop, &connection->turn);
	stream_close(&connection->stream);
	free(connection);
}

static void tell(struct connection *connection, enum connection_event event)
{
	if (!connection->closed && !connection->finishing)
		connection->handler(connection->ctx, event);
}

static void schedule(struct connection *connection)
{
	ev_feed_event(connection->loop, &connection->turn, EV_CUSTOM);
}

static bool may_read(const struct connection *connection)
{
	if (connection->lingering)
		return true;
	return !connection->stream.at_end && !connection->paused &&
	       !connection->finishing && stream_has_room(&connection->stream) &&
	       !stream_is_holding(&connection->stream);
}

/* TLS has more, and it may come. */
static bool may_take_held(const struct connection *connection)
{
	return !connection->stream.at_end && !connection->paused &&
	       stream_has_room(&connection->stream) &&
	       stream_is_holding(&connection->stream);
}

/* One who closed his sending side is told of once more when he is gone for good. */
static bool owes_closed(const struct connection *connection)
{
	const struct stream *stream = &connection->stream;

	if (stream->broken)
		return !connection->told_broken;
	return stream->at_end && !connection->told_closed && !connection->paused;
}

/* All that a call-back may have made due. Each event is told at most once, so that a
 * handler that answers each with more does not keep the loop from the others. */
static void work(struct connection *connection, bool readable)
{
	struct stream *stream = &connection->stream;
	size_t had = stream->in.len;
	bool left = connection->resumed && had > 0;

	connection->resumed = false;
	if (readable && connection->lingering)
		stream_discard(stream);
	else if (readable && may_read(connection))
		stream_receive(stream);
	else if (may_take_held(connection))
		stream_take_held(stream);
	if (stream->in.len > had || left)
		tell(connection, CONNECTION_INPUT);
	stream_send(stream);
	if (connection->wrote && !stream_backlog(stream) && !stream->broken) {
		connection->wrote = false;
		tell(connection, CONNECTION_DRAINED);
	}
	if (owes_closed(connection)) {
		connection->told_closed = true;
		connection->told_broken = stream->broken;
		tell(connection, CONNECTION_CLOSED);
	}
}

/* Without reading what the peer still says, closing would reset the connection, and he
 * might never see our last reply. True when there is nothing left to wait for. */
static bool is_over(struct connection *connection)
{
	const struct stream *stream = &connection->stream;

	if (!connection->finishing)
		return false;
	if (stream->broken)
		return true;
	if (stream->out.len)
		return false;
	if (!connection->lingering && !stream->at_end) {
		if (shutdown(stream->out_fd, SHUT_WR) != 0 ||
		    stream->in_fd != stream->out_fd)
			return true;
		connection->lingering = true;
		ev_timer_stop(connection->loop, &connection->timer);
		ev_timer_set(&connection->timer, LINGER_S, 0.);
		ev_timer_start(connection->loop, &connection->timer);
	}
	return stream->at_end;
}

static void watch(struct connection *connection)
{
	struct ev_loop *loop = connection->loop;
	struct stream *stream = &connection->stream;

	if (may_read(connection))
		ev_io_start(loop, &connection->reader);
	else
		ev_io_stop(loop, &connection->reader);
	connection->stalled = !stream_has_room(stream) || stream_is_holding(stream);
	if (stream->out.len)
		ev_io_start(loop, &connection->writer);
	else
		ev_io_stop(loop, &connection->writer);
	if (stream->in.len == 0)
		buf_clear(&stream->in);
}

/* Something is due that no descriptor will announce. */
static bool has_more_to_do(const struct connection *connection)
{
	return connection->resumed || owes_closed(connection) ||
	       may_take_held(connection);
}

/* The end of every call-back. What its handlers wrote is left to the writer: a turn of
 * our own for it would come before the other connections'. */
static void settle(struct connection *connection)
{
	connection->busy = false;
	if (connection->closed || is_over(connection)) {
		release(connection);
		return;
	}
	ev_clear_pending(connection->loop, &connection->turn);
	if (has_more_to_do(connection))
		schedule(connection);
	watch(connection);
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct connection *connection = watcher->data;

	(void)loop;
	connection->busy = true;
	work(connection, events & EV_READ);
	settle(connection);
}

static void on_turn(struct ev_loop *loop, ev_prepare *watcher, int events)
{
	struct connection *connection = watcher->data;

	(void)loop;
	(void)events;
	connection->busy = true;
	work(connection, false);
	settle(connection);
}

/* Sets the timer to go off at deadline_at. */
static void wind(struct connection *connection)
{
	ev_tstamp left = connection->deadline_at - ev_now(connection->loop);

	ev_timer_stop(connection->loop, &connection->timer);
	ev_timer_set(&connection->timer, left > 0 ? left : 0., 0.);
	ev_timer_start(connection->loop, &connection->timer);
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct connection *connection = watcher->data;

	(void)events;
	if (connection->finishing) {
		release(connection);
		return;
	}
	if (connection->deadline_at == 0)
		return;
	if (connection->deadline_at > ev_now(loop)) {
		wind(connection);
		return;
	}
	connection->deadline_at = 0;
	connection->busy = true;
	tell(connection, CONNECTION_DEADLINE);
	settle(connection);
}

struct connection *connection_open(struct ev_loop *loop, int in_fd, int out_fd,
				   connection_handler *handler, void *ctx)
{
	struct connection *connection = must_alloc(sizeof(*connection));

	*connection = (struct connection){ .loop = loop, .handler = handler, .ctx = ctx };
	stream_open(&connection->stream, in_fd, out_fd);
	ev_io_init(&connection->reader, on_io, in_fd, EV_READ);
	ev_io_init(&connection->writer, on_io, out_fd, EV_WRITE);
	ev_timer_init(&connection->timer, on_timer, 0., 0.);
	ev_prepare_init(&connection->turn, on_turn);
	connection->reader.data = connection->writer.data = connection;
	connection->timer.data = connection->turn.data = connection;
	ev_io_start(loop, &connection->reader);
	return connection;
}

void connection_close(struct connection *connection)
{
	if (!connection)
		return;
	if (connection->busy)
		connection->closed = true;
	else
		release(connection);
}

void connection_finish(struct connection *connection)
{
	if (connection->finishing)
		return;
	connection->finishing = true;
	stream_finish(&connection->stream);
	connection->deadline_at = ev_now(connection->loop) + FINISH_S;
	wind(connection);
	schedule(connection);
}

struct buf *connection_input(struct connection *connection)
{
	if (connection->stalled)
		schedule(connection);
	return &connection->stream.in;
}

void connection_pause(struct connection *connection, bool pause)
{
	if (connection->paused == pause)
		return;
	connection->paused = pause;
	connection->resumed = !pause;
	schedule(connection);
}

void connection_write(struct connection *connection, struct span bytes)
{
	if (connection->stream.broken || connection->finishing || !bytes.len)
		return;
	stream_write(&connection->stream, bytes);
	connection->wrote = true;
	schedule(connection);
}

size_t connection_backlog(const struct connection *connection)
{
	return stream_backlog(&connection->stream);
}

void connection_start_tls(struct connection *connection, struct tls_server *server)
{
	stream_start_tls(&connection->stream, server);
}

const char *connection_tls(const struct connection *connection)
{
	const struct tls *tls = connection->stream.tls;

	return tls && tls_is_ready(tls) ? tls_describe(tls) : NULL;
}

const char *connection_failure(const struct connection *connection)
{
	const struct err *failure = &connection->stream.failure;

	return failure->kind == ERR_NONE ? NULL : failure->text;
}

bool connection_is_broken(const struct connection *connection)
{
	return connection->stream.broken;
}

void connection_set_deadline(struct connection *connection, int timeout_ms)
{
	if (connection->finishing)
		return;
	if (timeout_ms <= 0) {
		connection->deadline_at = 0;
		return;
	}
	connection->deadline_at = ev_now(connection->loop) + timeout_ms / 1000.;
	/* A deadline pushed on, as by every line, costs nothing: the timer looks when
	 * the old time comes. */
	if (!ev_is_active(&connection->timer) ||
	    ev_timer_remaining(connection->loop, &connection->timer) * 1000. > timeout_ms)
		wind(connection);
}
