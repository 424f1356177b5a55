#include "net/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"

#define INPUT_MAX    ((size_t)64 * 1024)
#define READ_BYTES   ((size_t)32 * 1024)       /* at a turn, so that all have theirs */
#define BACKLOG_HIGH ((size_t)256 * 1024)      /* unsent: his next commands wait */
#define OUTPUT_MAX   ((size_t)8 * 1024 * 1024) /* unsent: he is given up */
#define FINISH_S     5.0                       /* for the last reply to leave */
#define LINGER_S     2.0                       /* for the peer to close as well */

struct connection {
	struct ev_loop *loop;
	connection_handler *handler;
	void *ctx;
	int in_fd, out_fd;
	int in_flags, out_flags; /* to restore: others may share a terminal or pipe */
	ev_io reader, writer;
	ev_timer timer;
	ev_tstamp deadline_at; /* 0: none; the timer may go off earlier and look */
	ev_prepare turn;       /* never started: fed, to be called by the loop soon */
	struct buf in;
	struct buf out;   /* as it goes over the wire */
	struct buf early; /* plain text for when the handshake is done */
	struct tls *tls;
	struct err failure;
	bool busy;      /* in a call-back of the loop: closing waits for its end */
	bool closed;    /* connection_close was called in it */
	bool finishing; /* connection_finish was called: no events */
	bool lingering; /* all is sent: read and forget until the peer closes */
	bool paused;
	bool resumed; /* tell of the input that is left */
	bool stalled; /* reading stopped for want of room */
	bool wrote;   /* DRAINED is owed */
	bool at_end;  /* the peer will say no more */
	bool broken;  /* nor can he be told anything */
	bool told_closed;
};

static void release(struct connection *connection)
{
	struct ev_loop *loop = connection->loop;

	ev_io_stop(loop, &connection->reader);
	ev_io_stop(loop, &connection->writer);
	ev_timer_stop(loop, &connection->timer);
	ev_clear_pending(loop, &connection->turn);
	if (!(connection->in_flags & O_NONBLOCK))
		fcntl(connection->in_fd, F_SETFL, connection->in_flags);
	if (!(connection->out_flags & O_NONBLOCK))
		fcntl(connection->out_fd, F_SETFL, connection->out_flags);
	if (connection->out_fd != connection->in_fd)
		file_close(&connection->out_fd);
	file_close(&connection->in_fd);
	tls_free(connection->tls);
	buf_clear(&connection->in);
	buf_clear(&connection->out);
	buf_clear(&connection->early);
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

static void fail(struct connection *connection, const struct err *why)
{
	if (!connection->broken) {
		connection->failure = *why;
		connection->told_closed = false;
	}
	connection->broken = connection->at_end = true;
	buf_clear(&connection->out);
	buf_clear(&connection->early);
}

/* A peer who leaves is nothing to report; anything else is. */
static void fail_errno(struct connection *connection)
{
	struct err err = { 0 };

	if (errno != ECONNRESET && errno != EPIPE)
		err_errno(&err, "connection");
	fail(connection, &err);
}

/* Sends what the socket takes now. */
static void flush(struct connection *connection)
{
	size_t sent = 0;

	while (sent < connection->out.len && !connection->broken) {
		ssize_t wrote = write(connection->out_fd, connection->out.data + sent,
				      connection->out.len - sent);

		if (wrote >= 0)
			sent += (size_t)wrote;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			fail_errno(connection);
	}
	if (!connection->broken)
		buf_consume(&connection->out, sent);
	if (connection->out.len == 0)
		buf_clear(&connection->out);
}

static void encrypt_early(struct connection *connection)
{
	struct err err;

	if (!connection->tls || !tls_is_ready(connection->tls) || !connection->early.len)
		return;
	if (!tls_write(connection->tls, buf_span(&connection->early), &connection->out,
		       &err))
		fail(connection, &err);
	buf_clear(&connection->early);
}

/* Gives wire bytes, or what TLS held back, to the input. */
static void take(struct connection *connection, struct span wire)
{
	struct err err = { 0 };

	if (!connection->tls) {
		if (!buf_append_span(&connection->in, wire)) /* was read to fit */
			abort();
		return;
	}
	if (tls_feed(connection->tls, wire, &connection->in, &connection->out, &err)) {
		encrypt_early(connection);
		return;
	}
	connection->at_end = true;
	if (err.kind == ERR_NONE)
		return;
	flush(connection); /* the alert, if there is room for it */
	fail(connection, &err);
}

static bool has_room(const struct connection *connection)
{
	return connection->in.len < connection->in.max &&
	       connection_backlog(connection) < BACKLOG_HIGH;
}

static bool may_read(const struct connection *connection)
{
	if (connection->lingering)
		return true;
	return !connection->at_end && !connection->paused && !connection->finishing &&
	       has_room(connection) &&
	       !(connection->tls && tls_is_holding(connection->tls));
}

static void read_some(struct connection *connection)
{
	char bytes[READ_BYTES];
	size_t room = connection->in.max - connection->in.len;
	ssize_t got;

	if (connection->tls || connection->lingering || room > sizeof(bytes))
		room = sizeof(bytes);
	do
		got = read(connection->in_fd, bytes, room);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno != EAGAIN)
		fail_errno(connection);
	else if (got == 0)
		connection->at_end = true;
	else if (got > 0 && !connection->lingering)
		take(connection, (struct span){ bytes, (size_t)got });
}

/* All that a call-back may have made due. Each event is told at most once, so that a
 * handler that answers each with more does not keep the loop from the others. */
static void work(struct connection *connection, bool readable)
{
	size_t had = connection->in.len;
	bool left = connection->resumed && had > 0;

	connection->resumed = false;
	if (readable && may_read(connection))
		read_some(connection);
	else if (connection->tls && tls_is_holding(connection->tls) &&
		 !connection->paused && !connection->at_end && has_room(connection))
		take(connection, (struct span){ "", 0 });
	if (connection->in.len > had || left)
		tell(connection, CONNECTION_INPUT);
	flush(connection);
	if (connection->wrote && !connection_backlog(connection) && !connection->broken) {
		connection->wrote = false;
		tell(connection, CONNECTION_DRAINED);
	}
	if (connection->at_end && !connection->told_closed &&
	    (connection->broken || !connection->paused)) {
		connection->told_closed = true;
		tell(connection, CONNECTION_CLOSED);
	}
}

/* Without reading what the peer still says, closing would reset the connection, and he
 * might never see our last reply. True when there is nothing left to wait for. */
static bool is_over(struct connection *connection)
{
	if (!connection->finishing)
		return false;
	if (connection->broken)
		return true;
	if (connection->out.len)
		return false;
	if (!connection->lingering && !connection->at_end) {
		if (shutdown(connection->out_fd, SHUT_WR) != 0 ||
		    connection->in_fd != connection->out_fd)
			return true;
		connection->lingering = true;
		ev_timer_stop(connection->loop, &connection->timer);
		ev_timer_set(&connection->timer, LINGER_S, 0.);
		ev_timer_start(connection->loop, &connection->timer);
	}
	return connection->at_end;
}

static void watch(struct connection *connection)
{
	struct ev_loop *loop = connection->loop;

	if (may_read(connection))
		ev_io_start(loop, &connection->reader);
	else
		ev_io_stop(loop, &connection->reader);
	connection->stalled = !has_room(connection) ||
			      (connection->tls && tls_is_holding(connection->tls));
	if (connection->out.len)
		ev_io_start(loop, &connection->writer);
	else
		ev_io_stop(loop, &connection->writer);
	if (connection->in.len == 0)
		buf_clear(&connection->in);
}

/* Something is due that no descriptor will announce. */
static bool has_more_to_do(const struct connection *connection)
{
	if (connection->resumed)
		return true;
	if (connection->at_end)
		return !connection->told_closed &&
		       (connection->broken || !connection->paused);
	return connection->tls && tls_is_holding(connection->tls) &&
	       !connection->paused && has_room(connection);
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

	*connection = (struct connection){ .loop = loop,
					   .handler = handler,
					   .ctx = ctx,
					   .in_fd = in_fd,
					   .out_fd = out_fd,
					   .in_flags = fcntl(in_fd, F_GETFL),
					   .out_flags = fcntl(out_fd, F_GETFL),
					   .in = BUF_INIT(INPUT_MAX),
					   .out = BUF_INIT(OUTPUT_MAX),
					   .early = BUF_INIT(OUTPUT_MAX) };
	if (!(connection->in_flags & O_NONBLOCK))
		fcntl(in_fd, F_SETFL, connection->in_flags | O_NONBLOCK);
	if (!(connection->out_flags & O_NONBLOCK))
		fcntl(out_fd, F_SETFL, connection->out_flags | O_NONBLOCK);
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
	buf_clear(&connection->early); /* no handshake, no words */
	if (connection->tls && !connection->broken)
		tls_shutdown(connection->tls, &connection->out);
	connection->deadline_at = ev_now(connection->loop) + FINISH_S;
	wind(connection);
	schedule(connection);
}

struct buf *connection_input(struct connection *connection)
{
	if (connection->stalled)
		schedule(connection);
	return &connection->in;
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
	struct err err = { 0 };
	bool fits;

	if (connection->broken || connection->finishing || !bytes.len)
		return;
	if (!connection->tls)
		fits = buf_append_span(&connection->out, bytes);
	else if (!tls_is_ready(connection->tls))
		fits = buf_append_span(&connection->early, bytes);
	else
		fits = tls_write(connection->tls, bytes, &connection->out, &err);
	connection->wrote = true;
	if (!fits) {
		if (err.kind == ERR_NONE)
			err_temporary(&err, "4.4.2", "the peer does not read");
		fail(connection, &err);
	}
	schedule(connection);
}

size_t connection_backlog(const struct connection *connection)
{
	return connection->out.len + connection->early.len;
}

void connection_start_tls(struct connection *connection, struct tls_server *server)
{
	buf_clear(&connection->in);
	if (!connection->tls)
		connection->tls = tls_accept(server);
}

const char *connection_tls(const struct connection *connection)
{
	return connection->tls && tls_is_ready(connection->tls)
		       ? tls_describe(connection->tls)
		       : NULL;
}

const char *connection_failure(const struct connection *connection)
{
	return connection->failure.kind == ERR_NONE ? NULL : connection->failure.text;
}

bool connection_is_broken(const struct connection *connection)
{
	return connection->broken;
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
