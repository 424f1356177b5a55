#include "ipc/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "ipc/channel.h"

#define QUEUE_MAX ((size_t)4 * 1024 * 1024)
#define TURN_MAX  64 /* packets taken from one peer before the others have their turn */

struct waiting {
	struct waiting *next;
	struct buf packet;
	int fd;
};

struct peer {
	struct ev_loop *loop;
	const struct peer_handler *handler;
	void *ctx;
	int fd;
	ev_io readable;
	ev_io writable;
	struct waiting *first, **last;
	size_t queued_bytes;
	size_t queue_max;
	struct buf in;
	uid_t uid;
	pid_t pid;
	bool busy;   /* a call-back of ours is running: who closes us must not free us */
	bool closed; /* by peer_close, within that call-back */
};

static void release(struct peer *peer)
{
	while (peer->first) {
		struct waiting *waiting = peer->first;

		peer->first = waiting->next;
		file_close(&waiting->fd);
		buf_clear(&waiting->packet);
		free(waiting);
	}
	ev_io_stop(peer->loop, &peer->readable);
	ev_io_stop(peer->loop, &peer->writable);
	file_close(&peer->fd);
	buf_clear(&peer->in);
	free(peer);
}

void peer_close(struct peer *peer)
{
	if (!peer)
		return;
	if (peer->busy)
		peer->closed = true;
	else
		release(peer);
}

/* What a waiting packet costs us: a short one is mostly its own keeping. */
static size_t cost(const struct waiting *waiting)
{
	return sizeof(*waiting) + waiting->packet.len;
}

static void lost(struct peer *peer)
{
	peer->busy = true;
	peer->handler->on_closed(peer->ctx, peer);
	release(peer);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct peer *peer = watcher->data;
	enum channel_got got = CHANNEL_PACKET;

	(void)loop;
	(void)events;
	for (int turn = 0; turn < TURN_MAX; turn++) {
		struct packet packet;
		bool sense;
		int fd;

		got = channel_receive(peer->fd, &peer->in, &fd);
		if (got != CHANNEL_PACKET)
			break;
		if (!packet_open(&packet, buf_span(&peer->in))) {
			file_close(&fd);
			got = CHANNEL_CLOSED;
			break;
		}
		peer->busy = true;
		sense = peer->handler->on_packet(peer->ctx, peer, &packet, fd);
		peer->busy = false;
		/* There may have been a password in it. */
		explicit_bzero(peer->in.data, peer->in.len);
		if (peer->closed) {
			release(peer);
			return;
		}
		if (!sense) {
			got = CHANNEL_CLOSED;
			break;
		}
	}
	if (got == CHANNEL_CLOSED)
		lost(peer);
}

/* False: the packet has to wait. A peer that will never take it is cut off, so that the
 * loop finds him closed: one who shut only his reading half would else count as writable
 * for ever. */
static bool send_now(struct peer *peer, const struct buf *packet, int fd)
{
	struct err ignored;

	if (channel_send(peer->fd, packet, fd, &ignored))
		return true;
	if (errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM &&
	    errno != ETOOMANYREFS) {
		shutdown(peer->fd, SHUT_RDWR);
		ev_io_stop(peer->loop, &peer->writable);
		peer->queue_max = 0;
	}
	return false;
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct peer *peer = watcher->data;

	(void)events;
	while (peer->first) {
		struct waiting *waiting = peer->first;

		if (!send_now(peer, &waiting->packet, waiting->fd))
			break;
		peer->first = waiting->next;
		if (!peer->first)
			peer->last = &peer->first;
		peer->queued_bytes -= cost(waiting);
		file_close(&waiting->fd);
		buf_clear(&waiting->packet);
		free(waiting);
	}
	if (!peer->first)
		ev_io_stop(loop, watcher);
}

void peer_send(struct peer *peer, const struct buf *packet, int pass_fd)
{
	struct waiting *waiting;

	if (!peer->first && send_now(peer, packet, pass_fd))
		return;
	if (peer->queued_bytes >= peer->queue_max) {
		shutdown(peer->fd, SHUT_RDWR);
		return;
	}
	waiting = must_alloc(sizeof(*waiting));
	waiting->packet = BUF_INIT(PACKET_MAX);
	if (!buf_append_span(&waiting->packet, buf_span(packet)))
		abort();
	waiting->fd = pass_fd < 0 ? -1 : fcntl(pass_fd, F_DUPFD_CLOEXEC, 0);
	*peer->last = waiting;
	peer->last = &waiting->next;
	peer->queued_bytes += cost(waiting);
	ev_io_start(peer->loop, &peer->writable);
}

struct peer *peer_open(struct ev_loop *loop, int fd, const struct peer_handler *handler,
		       void *ctx)
{
	struct peer *peer = must_alloc(sizeof(*peer));
	struct err ignored;

	*peer = (struct peer){ .loop = loop,
			       .handler = handler,
			       .ctx = ctx,
			       .fd = fd,
			       .last = &peer->first,
			       .queue_max = QUEUE_MAX,
			       .in = BUF_INIT(PACKET_MAX) };
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (!channel_peer(fd, &peer->uid, &peer->pid, &ignored))
		peer->uid = (uid_t)-1;
	ev_io_init(&peer->readable, on_readable, fd, EV_READ);
	ev_io_init(&peer->writable, on_writable, fd, EV_WRITE);
	peer->readable.data = peer->writable.data = peer;
	ev_io_start(loop, &peer->readable);
	return peer;
}

void peer_limit(struct peer *peer, size_t queue_bytes)
{
	peer->queue_max = queue_bytes;
}

uid_t peer_uid(const struct peer *peer)
{
	return peer->uid;
}

pid_t peer_pid(const struct peer *peer)
{
	return peer->pid;
}
