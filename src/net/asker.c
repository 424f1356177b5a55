#include "net/asker.h"

#include <string.h>

#include "base/buf.h"

/* Of one server, doubled at each round, unless told otherwise. */
#define TIMEOUT_MS 2500
#define TRIES      3
#define TICK_S     0.25 /* how late c-ares may notice that a server is silent */

static void on_socket(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct asker *asker = watcher->data;

	(void)loop;
	ares_process_fd(asker->channel,
			(events & EV_READ) ? watcher->fd : ARES_SOCKET_BAD,
			(events & EV_WRITE) ? watcher->fd : ARES_SOCKET_BAD);
}

static void on_tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct asker *asker = watcher->data;

	(void)loop;
	(void)events;
	ares_process_fd(asker->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* c-ares tells which of its sockets it waits for. */
static void on_state(void *data, ares_socket_t fd, int readable, int writable)
{
	struct asker *asker = data;
	ev_io *free_one = NULL, *watcher = NULL;

	for (size_t i = 0; i < ASKER_SOCKETS_MAX; i++) {
		if (asker->sockets[i].fd == fd)
			watcher = &asker->sockets[i];
		else if (asker->sockets[i].fd < 0)
			free_one = &asker->sockets[i];
	}
	if (!watcher)
		watcher = free_one;
	if (!watcher) /* not watched: then that server's answer is not heard */
		return;
	ev_io_stop(asker->loop, watcher);
	ev_io_set(watcher, readable || writable ? fd : -1,
		  (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
	if (readable || writable)
		ev_io_start(asker->loop, watcher);
}

static bool open_channel(struct asker *asker, const struct resolve_way *way,
			 struct err *err)
{
	bool named = way->servers && way->servers[0];
	struct ares_options options = { .timeout = way->timeout_ms ? (int)way->timeout_ms
								   : TIMEOUT_MS,
					.tries = TRIES,
					.lookups = (char[]){ "fb" },
					.sock_state_cb = on_state,
					.sock_state_cb_data = asker };
	int status = ares_library_init(ARES_LIB_INIT_ALL);

	if (status == ARES_SUCCESS)
		status = ares_init_options(&asker->channel, &options,
					   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
						   ARES_OPT_LOOKUPS |
						   ARES_OPT_SOCK_STATE_CB);
	asker->is_open = status == ARES_SUCCESS;
	if (status == ARES_SUCCESS && named)
		status = ares_set_servers_ports_csv(asker->channel, way->servers);
	if (status == ARES_SUCCESS && named && way->bind_to &&
	    strncmp(way->bind_to, "if!", 3) == 0)
		ares_set_local_dev(asker->channel, way->bind_to + 3);
	if (status == ARES_SUCCESS)
		return true;
	return err_temporary(err, "4.4.3", "name servers %s: %s",
			     named ? way->servers : "of the system",
			     ares_strerror(status));
}

bool asker_open(struct asker *asker, struct ev_loop *loop, const struct resolve_way *way,
		struct err *err)
{
	*asker = (struct asker){ .loop = loop };
	for (size_t i = 0; i < ASKER_SOCKETS_MAX; i++) {
		ev_io_init(&asker->sockets[i], on_socket, -1, 0);
		asker->sockets[i].data = asker;
	}
	ev_timer_init(&asker->tick, on_tick, TICK_S, TICK_S);
	asker->tick.data = asker;
	if (!open_channel(asker, way, err)) {
		asker_close(asker);
		return false;
	}
	ev_timer_start(loop, &asker->tick);
	return true;
}

void asker_rest(struct asker *asker)
{
	if (asker->loop)
		ev_timer_stop(asker->loop, &asker->tick);
}

void asker_close(struct asker *asker)
{
	if (!asker->loop)
		return;
	if (asker->is_open) {
		ares_destroy(asker->channel);
		ares_library_cleanup();
	}
	for (size_t i = 0; i < ASKER_SOCKETS_MAX; i++)
		ev_io_stop(asker->loop, &asker->sockets[i]);
	ev_timer_stop(asker->loop, &asker->tick);
	*asker = (struct asker){ .loop = NULL };
}
