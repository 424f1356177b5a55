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
	unsigned failures; /* in a row */
	int64_t last;      /* the last of them, wall clock seconds */
	int64_t since;     /* known in this call */
	bool left_out;
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

#define DIRECT_KNOWN_S 600 /* what a call has learnt is asked anew after that */

/* Of hosts in their order those that are better than we are (RFC 5321 5.1). */
size_t hosts_better_than_us(const struct flush *flush, const struct mx_host *hosts,
			    size_t count);

/* Hosts that cannot be reached: from earlier calls over this link, in
 * spool/state/dead/NAME, and of this one. find: is left out, and why; else NULL. */
void dead_read(struct direct *direct);
void dead_write(const struct direct *direct);
const struct dead_host *dead_find(const struct direct *direct, const char *name);
void dead_add(struct direct *direct, const char *name, const struct err *err);
void dead_remove(struct direct *direct, const char *name);
void dead_forget_old(struct direct *direct);
void dead_clear(struct direct *direct);

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
