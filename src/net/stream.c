#include "net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

#define INPUT_MAX    ((size_t)64 * 1024)
#define READ_BYTES   ((size_t)32 * 1024)       /* at a turn, so that all have theirs */
#define BACKLOG_HIGH ((size_t)256 * 1024)      /* unsent: his next commands wait */
#define OUTPUT_MAX   ((size_t)8 * 1024 * 1024) /* unsent: he is given up */

void stream_open(struct stream *stream, int in_fd, int out_fd)
{
	*stream = (struct stream){ .in_fd = in_fd,
				   .out_fd = out_fd,
				   .in_flags = fcntl(in_fd, F_GETFL),
				   .out_flags = fcntl(out_fd, F_GETFL),
				   .in = BUF_INIT(INPUT_MAX),
				   .out = BUF_INIT(OUTPUT_MAX),
				   .early = BUF_INIT(OUTPUT_MAX) };
	if (!(stream->in_flags & O_NONBLOCK))
		fcntl(in_fd, F_SETFL, stream->in_flags | O_NONBLOCK);
	if (!(stream->out_flags & O_NONBLOCK))
		fcntl(out_fd, F_SETFL, stream->out_flags | O_NONBLOCK);
}

void stream_close(struct stream *stream)
{
	if (!(stream->in_flags & O_NONBLOCK))
		fcntl(stream->in_fd, F_SETFL, stream->in_flags);
	if (!(stream->out_flags & O_NONBLOCK))
		fcntl(stream->out_fd, F_SETFL, stream->out_flags);
	if (stream->out_fd != stream->in_fd)
		file_close(&stream->out_fd);
	file_close(&stream->in_fd);
	tls_free(stream->tls);
	buf_clear(&stream->in);
	buf_clear(&stream->out);
	buf_clear(&stream->early);
}

static void fail(struct stream *stream, const struct err *why)
{
	if (!stream->broken)
		stream->failure = *why;
	stream->broken = stream->at_end = true;
	buf_clear(&stream->out);
	buf_clear(&stream->early);
}

/* A peer who leaves is nothing to report; anything else is. */
static void fail_errno(struct stream *stream)
{
	struct err err = { 0 };

	if (errno != ECONNRESET && errno != EPIPE)
		err_errno(&err, "connection");
	fail(stream, &err);
}

void stream_start_tls(struct stream *stream, struct tls_server *server)
{
	buf_clear(&stream->in);
	if (!stream->tls)
		stream->tls = tls_accept(server);
}

void stream_finish(struct stream *stream)
{
	buf_clear(&stream->early); /* no handshake, no words */
	if (stream->tls && !stream->broken)
		tls_shutdown(stream->tls, &stream->out);
}

size_t stream_backlog(const struct stream *stream)
{
	return stream->out.len + stream->early.len;
}

void stream_send(struct stream *stream)
{
	size_t sent = 0;

	while (sent < stream->out.len && !stream->broken) {
		ssize_t wrote = write(stream->out_fd, stream->out.data + sent,
				      stream->out.len - sent);

		if (wrote >= 0)
			sent += (size_t)wrote;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			fail_errno(stream);
	}
	if (!stream->broken)
		buf_consume(&stream->out, sent);
	if (stream->out.len == 0)
		buf_clear(&stream->out);
}

void stream_write(struct stream *stream, struct span bytes)
{
	struct err err = { 0 };
	bool fits;

	if (stream->broken)
		return;
	if (!stream->tls)
		fits = buf_append_span(&stream->out, bytes);
	else if (!tls_is_ready(stream->tls))
		fits = buf_append_span(&stream->early, bytes);
	else
		fits = tls_write(stream->tls, bytes, &stream->out, &err);
	if (fits)
		return;
	if (err.kind == ERR_NONE)
		err_temporary(&err, "4.4.2", "the peer does not read");
	fail(stream, &err);
}

static void encrypt_early(struct stream *stream)
{
	struct err err;

	if (!tls_is_ready(stream->tls) || !stream->early.len)
		return;
	if (!tls_write(stream->tls, buf_span(&stream->early), &stream->out, &err))
		fail(stream, &err);
	buf_clear(&stream->early);
}

/* Gives wire bytes, or what TLS held back, to the input. */
static void take(struct stream *stream, struct span wire)
{
	struct err err = { 0 };

	if (!stream->tls) {
		if (!buf_append_span(&stream->in, wire)) /* was read to fit */
			abort();
		return;
	}
	if (tls_feed(stream->tls, wire, &stream->in, &stream->out, &err)) {
		encrypt_early(stream);
		return;
	}
	stream->at_end = true;
	if (err.kind == ERR_NONE)
		return;
	stream_send(stream); /* the alert, if there is room for it */
	fail(stream, &err);
}

bool stream_has_room(const struct stream *stream)
{
	return stream->in.len < stream->in.max && stream_backlog(stream) < BACKLOG_HIGH;
}

bool stream_is_holding(const struct stream *stream)
{
	return stream->tls && tls_is_holding(stream->tls);
}

void stream_take_held(struct stream *stream)
{
	take(stream, (struct span){ "", 0 });
}

/* What was read; none at the end, where it fails, and where nothing has come. */
static struct span read_once(struct stream *stream, char *bytes, size_t room)
{
	ssize_t got;

	do
		got = read(stream->in_fd, bytes, room);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno != EAGAIN)
		fail_errno(stream);
	else if (got == 0)
		stream->at_end = true;
	return (struct span){ bytes, got > 0 ? (size_t)got : 0 };
}

void stream_receive(struct stream *stream)
{
	char bytes[READ_BYTES];
	size_t room = stream->in.max - stream->in.len;
	struct span got;

	if (stream->tls || room > sizeof(bytes))
		room = sizeof(bytes);
	got = read_once(stream, bytes, room);
	if (got.len)
		take(stream, got);
}

void stream_discard(struct stream *stream)
{
	char bytes[READ_BYTES];

	read_once(stream, bytes, sizeof(bytes));
}
