/* What the parts of direct delivery share: direct.c (domains and their hosts) and
 * direct_worker.c (the processes). Nobody else includes this. */
#ifndef LONTAR_FLUSH_DIRECT_PRIVATE_H
#define LONTAR_FLUSH_DIRECT_PRIVATE_H

#include <ev.h>

#include "ipc/link.h"
#include "net/mx.h"
#include "programs/lontar-flush/direct.h"
#include "programs/lontar-flush/flush.h"

struct waiting { /* a message */
	struct waiting *next;
	struct parked_name name;
};

enum domain_state {
	DOMAIN_NEW,
	DOMAIN_ASKING,
	DOMAIN_KNOWN, /* hosts */
	DOMAIN_FAILED /* err */
};

struct domain {
	struct domain *next;
	struct direct *direct;
	char *name;
	enum domain_state state;
	int64_t since; /* when that became known */
	struct mx *mx;
	struct mx_host *hosts;
	size_t count;
	struct err err;
	struct waiting *first; /* not handed to a worker yet */
	struct worker *worker; /* who sends for it */
};

struct dead_host {
	struct dead_host *next;
	char *name;
	int64_t since;
	struct err err;
};

struct worker {
	struct worker *next;
	struct direct *direct;
	char host[MX_NAME_MAX];
	struct waiting *messages;
	size_t count;
	struct peer *peer; /* NULL: it is gone */
	pid_t pid;
	ev_child child;
	bool told; /* it said how it ended */
	uint64_t exit_code;
	char text[600];
	struct link_progress last; /* numbers only */
};

struct direct {
	struct flush *flush;
	struct domain *domains;
	struct worker *workers;
	struct dead_host *dead;
	size_t asking;
	size_t worker_count;
	const char **busy; /* ids, sorted, for a listing */
	size_t busy_count;
	int64_t listed_ms; /* the last listing, monotonic */
	ev_timer go_on;
};

/* Goes on soon, from the loop. */
void direct_go_on_soon(struct direct *direct);

/* A process for this host and all that the domains marked with it have waiting: their
 * worker is the new one. False: err; nothing has changed. */
bool worker_start(struct direct *direct, const struct mx_host *host, struct err *err);
/* Told when one has ended; it is freed afterwards. */
void direct_on_worker(struct direct *direct, const struct worker *worker);
void worker_free(struct worker *worker);
void worker_send(const struct worker *worker, const struct buf *packet);

#endif
