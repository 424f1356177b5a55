#include "net/mx.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/buf.h"
#include "net/resolve.h"

struct candidate {
	struct mx *mx;
	struct mx_host host;
	uint16_t lot; /* among those of one preference */
	struct resolve *resolve;
};

struct mx {
	struct ev_loop *loop;
	mx_known *known;
	mx_handler *handler;
	void *ctx;
	char *domain;
	char *servers;
	char *bind_to;
	unsigned timeout_ms;
	struct asker asker;
	ev_timer done;
	struct candidate candidates[MX_HOSTS_MAX];
	size_t count;
	size_t awaited;    /* whose addresses are being asked for */
	bool some_unknown; /* of one it is not known that it has no address */
	bool closing;
	struct mx_host found[MX_HOSTS_MAX];
	size_t found_count;
	struct err err;
};

/* The handler may close us: nothing is touched after it. */
static void on_done(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct mx *mx = watcher->data;

	(void)loop;
	(void)events;
	if (mx->err.kind == ERR_NONE)
		mx->handler(mx->ctx, mx->found, mx->found_count, NULL);
	else
		mx->handler(mx->ctx, NULL, 0, &mx->err);
}

static void finish(struct mx *mx)
{
	asker_rest(&mx->asker);
	ev_timer_stop(mx->loop, &mx->done);
	ev_timer_set(&mx->done, 0., 0.);
	ev_timer_start(mx->loop, &mx->done);
}

/* All have been asked about: those without an address are of no use. */
static void finish_hosts(struct mx *mx)
{
	for (size_t i = 0; i < mx->count; i++)
		if (mx->candidates[i].host.addresses[0])
			mx->found[mx->found_count++] = mx->candidates[i].host;
	if (!mx->found_count && !mx->some_unknown)
		err_permanent(&mx->err, "5.4.4", "no mail host of %s has an address",
			      mx->domain);
	else if (!mx->found_count)
		err_temporary(&mx->err, "4.4.3",
			      "the addresses of %s's mail hosts cannot be had now",
			      mx->domain);
	finish(mx);
}

/* Those that do not fit whole are left out: there are enough. */
static void keep_addresses(struct candidate *candidate, const char *addresses)
{
	size_t len = strlen(addresses);

	while (len >= MX_ADDRESSES_MAX)
		while (len && addresses[--len] != ',')
			;
	snprintf(candidate->host.addresses, MX_ADDRESSES_MAX, "%.*s", (int)len,
		 addresses);
}

static void on_addresses(void *ctx, const char *addresses, const struct err *err)
{
	struct candidate *candidate = ctx;
	struct mx *mx = candidate->mx;

	(void)err;
	if (addresses)
		keep_addresses(candidate, addresses);
	mx->some_unknown = mx->some_unknown ||
			   (!addresses && !resolve_found_none(candidate->resolve));
	if (--mx->awaited == 0)
		finish_hosts(mx);
}

static int best_first(const void *one, const void *other)
{
	const struct candidate *a = one, *b = other;

	if (a->host.preference != b->host.preference)
		return a->host.preference < b->host.preference ? -1 : 1;
	return (a->lot > b->lot) - (a->lot < b->lot);
}

static void add(struct mx *mx, const char *name, unsigned preference)
{
	struct candidate *candidate = &mx->candidates[mx->count];

	if (mx->count == MX_HOSTS_MAX || strlen(name) >= MX_NAME_MAX)
		return;
	*candidate = (struct candidate){ .mx = mx, .host.preference = preference };
	for (size_t i = 0; name[i]; i++)
		candidate->host.name[i] = (char)tolower((unsigned char)name[i]);
	if (getrandom(&candidate->lot, sizeof(candidate->lot), GRND_NONBLOCK) < 0)
		candidate->lot = 0;
	mx->count++;
}

static void ask_addresses(struct mx *mx)
{
	struct resolve_way way = { .servers = mx->servers,
				   .bind_to = mx->bind_to,
				   .timeout_ms = mx->timeout_ms };

	qsort(mx->candidates, mx->count, sizeof(mx->candidates[0]), best_first);
	for (size_t i = 0; i < mx->count; i++) {
		struct candidate *at = &mx->candidates[i];
		const char *known = mx->known ? mx->known(mx->ctx, at->host.name) : NULL;

		if (known) {
			keep_addresses(at, known);
			continue;
		}
		mx->awaited++;
		at->resolve =
			resolve_start(mx->loop, at->host.name, &way, on_addresses, at);
	}
	if (!mx->awaited)
		finish_hosts(mx);
}

/* Of very many MX records the best are kept. */
static void keep_records(struct mx *mx, const struct ares_mx_reply *first)
{
	unsigned limit = 0;

	for (; mx->count < MX_HOSTS_MAX && limit <= UINT16_MAX; limit++) {
		unsigned next = UINT16_MAX + 1U;

		for (const struct ares_mx_reply *at = first; at; at = at->next)
			if (at->priority == limit)
				add(mx, at->host, limit);
			else if (at->priority > limit && at->priority < next)
				next = at->priority;
		limit = next - 1;
	}
}

static bool is_null_mx(const struct ares_mx_reply *first)
{
	return first && !first->next &&
	       (!first->host[0] || strcmp(first->host, ".") == 0);
}

static void on_mx(void *ctx, int status, int timeouts, unsigned char *bytes, int len)
{
	struct mx *mx = ctx;
	struct ares_mx_reply *records = NULL;

	(void)timeouts;
	if (mx->closing)
		return;
	if (status == ARES_SUCCESS)
		status = ares_parse_mx_reply(bytes, len, &records);
	if (status == ARES_ENODATA || (status == ARES_SUCCESS && !records))
		add(mx, mx->domain, 0); /* RFC 5321 5.1: it is its own mail host */
	else if (status == ARES_ENOTFOUND)
		err_permanent(&mx->err, "5.1.2", "there is no domain %s", mx->domain);
	else if (status != ARES_SUCCESS)
		err_temporary(&mx->err, "4.4.3", "the mail hosts of %s: %s", mx->domain,
			      ares_strerror(status));
	else if (is_null_mx(records))
		err_permanent(&mx->err, "5.1.10", "%s says that it takes no mail",
			      mx->domain);
	else
		keep_records(mx, records);
	if (records)
		ares_free_data(records);
	if (mx->err.kind == ERR_NONE && !mx->count)
		err_permanent(&mx->err, "5.4.4", "the mail hosts of %s have no names",
			      mx->domain);
	if (mx->err.kind == ERR_NONE)
		ask_addresses(mx);
	else
		finish(mx);
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 4.1.3). */
static bool read_literal(struct mx *mx)
{
	static const char v6[] = "IPv6:";
	char number[INET6_ADDRSTRLEN];
	unsigned char ignored[16];
	const char *at = mx->domain + 1;
	size_t len = strlen(mx->domain);
	int family = AF_INET;

	if (len > strlen(v6) + 2 && strncasecmp(at, v6, strlen(v6)) == 0) {
		family = AF_INET6;
		at += strlen(v6);
	}
	if (mx->domain[len - 1] != ']' ||
	    (size_t)snprintf(number, sizeof(number), "%.*s",
			     (int)(mx->domain + len - 1 - at), at) >= sizeof(number) ||
	    inet_pton(family, number, ignored) != 1)
		return err_permanent(&mx->err, "5.1.2", "%s is no address of a host",
				     mx->domain);
	add(mx, number, 0);
	return true;
}

struct mx *mx_start(struct ev_loop *loop, const char *domain,
		    const struct resolve_way *way, mx_known *known, mx_handler *handler,
		    void *ctx)
{
	struct mx *mx = must_alloc(sizeof(*mx));

	*mx = (struct mx){ .loop = loop,
			   .known = known,
			   .handler = handler,
			   .ctx = ctx,
			   .domain = must_copy(domain),
			   .servers = must_copy(way->servers ? way->servers : ""),
			   .bind_to = must_copy(way->bind_to ? way->bind_to : ""),
			   .timeout_ms = way->timeout_ms };
	ev_timer_init(&mx->done, on_done, 0., 0.);
	mx->done.data = mx;
	if (domain[0] == '[') {
		if (read_literal(mx))
			ask_addresses(mx);
		else
			finish(mx);
	} else if (asker_open(&mx->asker, loop, way, &mx->err)) {
		ares_query(mx->asker.channel, domain, C_IN, T_MX, on_mx, mx);
	} else {
		finish(mx);
	}
	return mx;
}

void mx_close(struct mx *mx)
{
	if (!mx)
		return;
	mx->closing = true;
	asker_close(&mx->asker);
	for (size_t i = 0; i < mx->count; i++)
		resolve_close(mx->candidates[i].resolve);
	ev_timer_stop(mx->loop, &mx->done);
	free(mx->bind_to);
	free(mx->servers);
	free(mx->domain);
	free(mx);
}
