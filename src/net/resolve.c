#include "net/resolve.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define TIMEOUT_MS     2500 /* of one server, doubled at each round */
#define TRIES          3
#define SOCKETS_MAX    16
#define ADDRESSES_ROOM ((size_t)RESOLVE_ADDRESSES_MAX * (INET6_ADDRSTRLEN + 1))
#define TICK_S         0.25 /* how late c-ares may notice that a server is silent */

struct resolve {
	struct ev_loop *loop;
	resolve_handler *handler;
	void *ctx;
	char *host;
	ares_channel channel;
	bool has_channel;
	bool closing;
	ev_io sockets[SOCKETS_MAX];
	ev_timer tick;
	ev_timer done;
	struct buf addresses;
	struct err err;
};

static void on_socket(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct resolve *resolve = watcher->data;

	(void)loop;
	ares_process_fd(resolve->channel,
			(events & EV_READ) ? watcher->fd : ARES_SOCKET_BAD,
			(events & EV_WRITE) ? watcher->fd : ARES_SOCKET_BAD);
}

static void on_tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct resolve *resolve = watcher->data;

	(void)loop;
	(void)events;
	ares_process_fd(resolve->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* The handler may close us: nothing is touched after it. */
static void on_done(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct resolve *resolve = watcher->data;

	(void)loop;
	(void)events;
	if (resolve->addresses.len)
		resolve->handler(resolve->ctx, resolve->addresses.data, NULL);
	else
		resolve->handler(resolve->ctx, NULL, &resolve->err);
}

/* c-ares tells which of its sockets it waits for. */
static void on_state(void *data, ares_socket_t fd, int readable, int writable)
{
	struct resolve *resolve = data;
	ev_io *free_one = NULL, *watcher = NULL;

	for (size_t i = 0; i < SOCKETS_MAX; i++) {
		if (resolve->sockets[i].fd == fd)
			watcher = &resolve->sockets[i];
		else if (resolve->sockets[i].fd < 0)
			free_one = &resolve->sockets[i];
	}
	if (!watcher)
		watcher = free_one;
	if (!watcher) /* not watched: then that server's answer is not heard */
		return;
	ev_io_stop(resolve->loop, watcher);
	ev_io_set(watcher, readable || writable ? fd : -1,
		  (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
	if (readable || writable)
		ev_io_start(resolve->loop, watcher);
}

static void finish(struct resolve *resolve)
{
	ev_timer_stop(resolve->loop, &resolve->tick);
	ev_timer_set(&resolve->done, 0., 0.);
	ev_timer_start(resolve->loop, &resolve->done);
}

static void keep(struct resolve *resolve, const struct sockaddr *address)
{
	const void *bytes;
	char text[INET6_ADDRSTRLEN];

	if (address->sa_family == AF_INET)
		bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
	else if (address->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	else
		return;
	/* The ceiling has room for RESOLVE_ADDRESSES_MAX. */
	if (inet_ntop(address->sa_family, bytes, text, sizeof(text)) &&
	    !buf_appendf(&resolve->addresses, "%s%s", resolve->addresses.len ? "," : "",
			 text))
		return;
}

static void keep_all(struct resolve *resolve, const struct ares_addrinfo_node *node)
{
	for (int count = 0; node && count < RESOLVE_ADDRESSES_MAX; count++) {
		keep(resolve, node->ai_addr);
		node = node->ai_next;
	}
}

static void on_addresses(void *ctx, int status, int timeouts, struct ares_addrinfo *found)
{
	struct resolve *resolve = ctx;

	(void)timeouts;
	if (resolve->closing) {
		ares_freeaddrinfo(found);
		return;
	}
	if (status == ARES_SUCCESS)
		keep_all(resolve, found->nodes);
	if (!resolve->addresses.len)
		err_temporary(&resolve->err, "4.4.3", "the address of %s: %s",
			      resolve->host,
			      status == ARES_SUCCESS ? "none" : ares_strerror(status));
	ares_freeaddrinfo(found);
	finish(resolve);
}

static bool open_channel(struct resolve *resolve, const struct resolve_way *way)
{
	bool named = way->servers && way->servers[0];
	struct ares_options options = { .timeout = TIMEOUT_MS,
					.tries = TRIES,
					.lookups = (char[]){ "fb" },
					.sock_state_cb = on_state,
					.sock_state_cb_data = resolve };
	int status = ares_library_init(ARES_LIB_INIT_ALL);

	if (status == ARES_SUCCESS)
		status = ares_init_options(&resolve->channel, &options,
					   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
						   ARES_OPT_LOOKUPS |
						   ARES_OPT_SOCK_STATE_CB);
	resolve->has_channel = status == ARES_SUCCESS;
	if (status == ARES_SUCCESS && named)
		status = ares_set_servers_ports_csv(resolve->channel, way->servers);
	if (status == ARES_SUCCESS && named && way->bind_to &&
	    strncmp(way->bind_to, "if!", 3) == 0)
		ares_set_local_dev(resolve->channel, way->bind_to + 3);
	if (status == ARES_SUCCESS)
		return true;
	return err_temporary(&resolve->err, "4.4.3", "name servers %s: %s",
			     named ? way->servers : "of the system",
			     ares_strerror(status));
}

/* What needs no name server: numbers, about which c-ares 1.18 asks one too, and
 * localhost, which is loopback also where /etc/hosts is missing (RFC 6761 6.3). NULL:
 * ask. */
static const char *known_address(const char *host)
{
	struct in6_addr ignored;

	if (inet_pton(AF_INET, host, &ignored) == 1 ||
	    inet_pton(AF_INET6, host, &ignored) == 1)
		return host;
	return strcasecmp(host, "localhost") == 0 ? "127.0.0.1,::1" : NULL;
}

struct resolve *resolve_start(struct ev_loop *loop, const char *host,
			      const struct resolve_way *way, resolve_handler *handler,
			      void *ctx)
{
	static const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
							  .ai_socktype = SOCK_STREAM };
	struct resolve *resolve = must_alloc(sizeof(*resolve));
	const char *known = known_address(host);

	*resolve = (struct resolve){ .loop = loop,
				     .handler = handler,
				     .ctx = ctx,
				     .host = must_copy(host),
				     .addresses = BUF_INIT(ADDRESSES_ROOM) };
	for (size_t i = 0; i < SOCKETS_MAX; i++) {
		ev_io_init(&resolve->sockets[i], on_socket, -1, 0);
		resolve->sockets[i].data = resolve;
	}
	ev_timer_init(&resolve->tick, on_tick, TICK_S, TICK_S);
	ev_timer_init(&resolve->done, on_done, 0., 0.);
	resolve->tick.data = resolve->done.data = resolve;
	if (known ? buf_append_text(&resolve->addresses, known)
		  : !open_channel(resolve, way)) {
		finish(resolve);
		return resolve;
	}
	ev_timer_start(loop, &resolve->tick);
	ares_getaddrinfo(resolve->channel, host, NULL, &hints, on_addresses, resolve);
	return resolve;
}

void resolve_close(struct resolve *resolve)
{
	if (!resolve)
		return;
	resolve->closing = true;
	if (resolve->has_channel) {
		ares_destroy(resolve->channel);
		ares_library_cleanup();
	}
	for (size_t i = 0; i < SOCKETS_MAX; i++)
		ev_io_stop(resolve->loop, &resolve->sockets[i]);
	ev_timer_stop(resolve->loop, &resolve->tick);
	ev_timer_stop(resolve->loop, &resolve->done);
	buf_clear(&resolve->addresses);
	free(resolve->host);
	free(resolve);
}
