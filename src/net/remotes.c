#include "net/remotes.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"

#define SLOTS         1024
#define IDLE_MAX      16384  /* addresses remembered beyond those connected now */
#define FORGET_MS     600000 /* ten minutes */
#define MINUTE_US     INT64_C(60000000)
#define GUESSER       3 /* failures after which an address may try only ... */
#define GUESSES_MAX   4 /* ... this many passwords at once */
#define ADDRESS_BYTES 16

struct remote {
	struct remote *next;
	unsigned char address[ADDRESS_BYTES];
	uint64_t connections;
	int64_t due_us; /* when the next would come, if all came evenly spaced (GCRA) */
	unsigned logins;
	unsigned failures;
	int64_t forget_ms;
};

struct remotes {
	struct remote *slots[SLOTS];
	uint64_t seed; /* so that nobody can choose addresses for one slot */
	size_t count;
	size_t connections;
};

struct remotes *remotes_new(void)
{
	struct remotes *remotes = must_alloc(sizeof(*remotes));

	if (getrandom(&remotes->seed, sizeof(remotes->seed), 0) < 0)
		remotes->seed = (uint64_t)(uintptr_t)remotes;
	return remotes;
}

void remotes_free(struct remotes *remotes)
{
	if (!remotes)
		return;
	for (size_t i = 0; i < SLOTS; i++) {
		while (remotes->slots[i]) {
			struct remote *remote = remotes->slots[i];

			remotes->slots[i] = remote->next;
			free(remote);
		}
	}
	free(remotes);
}

static void parse(const char *ip, unsigned char address_out[ADDRESS_BYTES])
{
	memset(address_out, 0, ADDRESS_BYTES);
	if (inet_pton(AF_INET, ip, address_out + 12) == 1)
		memset(address_out + 10, 0xff, 2);
	else if (inet_pton(AF_INET6, ip, address_out) != 1)
		memset(address_out, 0, ADDRESS_BYTES);
}

static struct remote **slot_of(struct remotes *remotes,
			       const unsigned char address[ADDRESS_BYTES])
{
	uint64_t hash = remotes->seed;

	for (size_t i = 0; i < ADDRESS_BYTES; i++) {
		hash = (hash ^ address[i]) * 0x100000001b3u;
		hash ^= hash >> 29;
	}
	return &remotes->slots[(hash >> 17) % SLOTS];
}

static bool is_idle(const struct remote *remote)
{
	return remote->connections == 0 && remote->logins == 0;
}

static bool has_news(const struct remote *remote, int64_t now_ms)
{
	return remote->due_us > now_ms * 1000 ||
	       (remote->failures && remote->forget_ms > now_ms);
}

/* Forgets idle addresses; where that is not enough, even those with a bad memory. */
static void sweep(struct remotes *remotes, int64_t now_ms, bool all)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct remote **at = &remotes->slots[i];

		while (*at) {
			struct remote *remote = *at;

			if (!is_idle(remote) || (!all && has_news(remote, now_ms))) {
				at = &remote->next;
				continue;
			}
			*at = remote->next;
			remotes->count--;
			free(remote);
		}
	}
}

static struct remote *find(struct remotes *remotes, const char *ip)
{
	unsigned char address[ADDRESS_BYTES];
	struct remote *remote;

	parse(ip, address);
	remote = *slot_of(remotes, address);
	while (remote && memcmp(remote->address, address, ADDRESS_BYTES) != 0)
		remote = remote->next;
	return remote;
}

static struct remote *find_or_add(struct remotes *remotes, const char *ip, int64_t now_ms)
{
	struct remote *remote = find(remotes, ip), **slot;

	if (remote)
		return remote;
	if (remotes->count >= IDLE_MAX + remotes->connections) {
		sweep(remotes, now_ms, false);
		if (remotes->count >= IDLE_MAX + remotes->connections)
			sweep(remotes, now_ms, true);
	}
	remote = must_alloc(sizeof(*remote));
	parse(ip, remote->address);
	slot = slot_of(remotes, remote->address);
	remote->next = *slot;
	*slot = remote;
	remotes->count++;
	return remote;
}

enum remotes_verdict remotes_admit(struct remotes *remotes, const char *ip,
				   const struct remotes_limits *limits, int64_t now_ms)
{
	int64_t now_us = now_ms * 1000;
	struct remote *remote;

	if (remotes->connections >= limits->total)
		return REMOTES_TOTAL;
	remote = find_or_add(remotes, ip, now_ms);
	if (remote->connections >= limits->per_address)
		return REMOTES_PER_ADDRESS;
	if (limits->per_minute) {
		int64_t apart_us = MINUTE_US / (int64_t)limits->per_minute;
		int64_t due_us = remote->due_us > now_us ? remote->due_us : now_us;

		if (due_us + apart_us > now_us + MINUTE_US)
			return REMOTES_PER_MINUTE;
		remote->due_us = due_us + apart_us;
	}
	remote->connections++;
	remotes->connections++;
	return REMOTES_ADMITTED;
}

void remotes_leave(struct remotes *remotes, const char *ip)
{
	struct remote *remote = find(remotes, ip);

	if (!remote || !remote->connections)
		return;
	remote->connections--;
	remotes->connections--;
}

size_t remotes_connections(const struct remotes *remotes)
{
	return remotes->connections;
}

bool remotes_login_begin(struct remotes *remotes, const char *ip, int64_t now_ms)
{
	struct remote *remote = find_or_add(remotes, ip, now_ms);

	if (remote->forget_ms <= now_ms)
		remote->failures = 0;
	if (remote->failures >= GUESSER && remote->logins >= GUESSES_MAX)
		return false;
	remote->logins++;
	return true;
}

int remotes_login_end(struct remotes *remotes, const char *ip, enum remotes_login how,
		      int64_t now_ms)
{
	static const int delays_ms[] = { 0, 2000, 4000, 8000, 15000 };
	struct remote *remote = find(remotes, ip);
	unsigned failures;

	if (!remote || !remote->logins)
		return 0;
	remote->logins--;
	if (how == REMOTES_LOGIN_WRONG) {
		remote->failures += remote->failures < LENGTH(delays_ms) - 1;
		remote->forget_ms = now_ms + FORGET_MS;
	}
	failures = remote->failures;
	if (how == REMOTES_LOGIN_RIGHT)
		remote->failures = 0;
	return delays_ms[failures];
}
