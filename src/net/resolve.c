#include "net/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define ADDRESSES_ROOM ((size_t)RESOLVE_ADDRESSES_MAX * (INET6_ADDRSTRLEN + 1))

struct resolve {
	struct ev_loop *loop;
	resolve_handler *handler;
	void *ctx;
	char *host;
	struct asker asker;
	bool closing;
	bool is_none;
	ev_timer done;
	struct buf addresses;
	struct err err;
};

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

static void finish(struct resolve *resolve)
{
	asker_rest(&resolve->asker);
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
	resolve->is_none = status == ARES_ENOTFOUND || status == ARES_ENODATA;
	if (!resolve->addresses.len)
		err_temporary(&resolve->err, "4.4.3", "the address of %s: %s",
			      resolve->host,
			      status == ARES_SUCCESS ? "none" : ares_strerror(status));
	ares_freeaddrinfo(found);
	finish(resolve);
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
	ev_timer_init(&resolve->done, on_done, 0., 0.);
	resolve->done.data = resolve;
	if (known ? buf_append_text(&resolve->addresses, known)
		  : !asker_open(&resolve->asker, loop, way, &resolve->err)) {
		finish(resolve);
		return resolve;
	}
	ares_getaddrinfo(resolve->asker.channel, host, NULL, &hints, on_addresses,
			 resolve);
	return resolve;
}

bool resolve_found_none(const struct resolve *resolve)
{
	return resolve->is_none;
}

void resolve_close(struct resolve *resolve)
{
	if (!resolve)
		return;
	resolve->closing = true;
	asker_close(&resolve->asker);
	ev_timer_stop(resolve->loop, &resolve->done);
	buf_clear(&resolve->addresses);
	free(resolve->host);
	free(resolve);
}
