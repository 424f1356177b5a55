#include "ipc/acceptor.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

#define TURN_MAX 32
#define PAUSE_S  .5

static bool is_lack(int number)
{
	return number == EMFILE || number == ENFILE || number == ENOBUFS ||
	       number == ENOMEM;
}

static void on_waiting(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct acceptor *acceptor = watcher->data;

	(void)events;
	for (int turn = 0; turn < TURN_MAX; turn++) {
		int fd = accept4(watcher->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0) {
			acceptor->on_connection(acceptor->ctx, fd);
			continue;
		}
		if (is_lack(errno)) {
			ev_io_stop(loop, watcher);
			ev_timer_set(&acceptor->pause, PAUSE_S, 0.);
			ev_timer_start(loop, &acceptor->pause);
		}
		return;
	}
}

static void on_pause_over(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct acceptor *acceptor = watcher->data;

	(void)events;
	ev_io_start(loop, &acceptor->waiting);
}

void acceptor_start(struct acceptor *acceptor, struct ev_loop *loop, int listener_fd,
		    void (*on_connection)(void *ctx, int fd), void *ctx)
{
	acceptor->loop = loop;
	acceptor->on_connection = on_connection;
	acceptor->ctx = ctx;
	ev_io_init(&acceptor->waiting, on_waiting, listener_fd, EV_READ);
	ev_timer_init(&acceptor->pause, on_pause_over, PAUSE_S, 0.);
	acceptor->waiting.data = acceptor->pause.data = acceptor;
	ev_io_start(loop, &acceptor->waiting);
}

void acceptor_stop(struct acceptor *acceptor)
{
	ev_io_stop(acceptor->loop, &acceptor->waiting);
	ev_timer_stop(acceptor->loop, &acceptor->pause);
}
