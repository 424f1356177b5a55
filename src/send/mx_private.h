/* What the parts of direct delivery share: mx_delivery.c, mx_domains.c (domains and their
 * hosts), mx_unreachable.c and mx_worker.c (the processes). Nothing else includes this.
 */
#ifndef SEND_MX_PRIVATE_H
#define SEND_MX_PRIVATE_H

#include <ev.h>

#include "ipc/link.h"
#include "net/mx.h"
#include "send/dns_check.h"
#include "send/mx_delivery.h"

struct mx_message { /* a message */
	struct mx_message *next;
	struct parked_name name;
};

enum domain_state {
	DOMAIN_NEW,
	DOMAIN_ASKING,
	DOMAIN_KNOWN, /* hosts */
	DOMAIN_FAILED /* err */
};

struct mx_domain {
	struct mx_domain *next;
	struct mx_delivery *delivery;
	char *name;
	enum domain_state state;
	int64_t since; /* when that became known */
	struct mx *mx;
	struct mx_host *hosts;
	size_t count;
	struct err err;
	struct mx_message *first; /* not handed to a worker yet */
	struct mx_worker *worker; /* that sends for it */
};

struct unreachable_host {
	struct unreachable_host *next;
	char *name;
	unsigned failures; /* in a row */
	int64_t last;      /* the last of them, wall clock seconds */
	int64_t since;     /* known in this call */
	bool left_out;
	struct err err;
};

struct mx_worker {
	struct mx_worker *next;
	struct mx_delivery *delivery;
	char host[MX_NAME_MAX];
	struct mx_message *messages;
	size_t count;
	struct peer *peer; /* NULL: it is gone */
	pid_t pid;
	ev_child child;
	bool told; /* it said how it ended */
	uint64_t exit_code;
	char text[600];
	struct link_progress last; /* numbers only */
};

struct mx_delivery {
	struct mx_delivery_setup setup;
	/* A process has ended; it is freed afterwards. */
	void (*worker_ended)(struct mx_delivery *delivery,
			     const struct mx_worker *worker);
	struct dns_check dns;
	bool is_stopping;
	bool was_connected; /* to any host, in this call */
	struct mx_domain *domains;
	struct mx_worker *workers;
	struct unreachable_host *dead;
	size_t asking;
	size_t worker_count;
	const char **busy; /* ids, sorted, for a listing */
	size_t busy_count;
	int64_t listed_ms; /* the last listing, monotonic */
	ev_timer resume;
};

#define MX_KNOWN_S 600 /* what a call has learnt is asked anew after that */

/* Of hosts in their order those that are better than we are (RFC 5321 5.1). */
size_t mx_hosts_before_us(const struct settings *settings, const struct mx_host *hosts,
			  size_t count);

/* Hosts that cannot be reached: from earlier calls over this link, in
 * spool/state/dead/NAME, and of this one. find: is left out, and why; else NULL. */
void unreachable_read(struct mx_delivery *delivery);
void unreachable_write(const struct mx_delivery *delivery);
const struct unreachable_host *unreachable_find(const struct mx_delivery *delivery,
						const char *name);
void unreachable_add(struct mx_delivery *delivery, const char *name,
		     const struct err *err);
void unreachable_remove(struct mx_delivery *delivery, const char *name);
void unreachable_forget_old(struct mx_delivery *delivery);
void unreachable_clear(struct mx_delivery *delivery);

/* mx_domains.c. The domain with this name, in any case; it is added if it is new. */
struct mx_domain *mx_domain_find(struct mx_delivery *delivery, const char *name);
void mx_domain_ask(struct mx_domain *domain);
void mx_domain_fail(struct mx_domain *domain, const struct err *err);
/* Its best host is one that may be reached; else it has failed. */
void mx_domain_choose_host(struct mx_domain *domain);
/* A call may last as long as the link does: what is known for long is asked anew. */
void mx_domains_refresh(struct mx_delivery *delivery);

/* Goes on from the loop: later, or soon. */
static inline void mx_resume_in(struct mx_delivery *delivery, double seconds)
{
	ev_timer_stop(delivery->setup.loop, &delivery->resume);
	ev_timer_set(&delivery->resume, seconds, 0.);
	ev_timer_start(delivery->setup.loop, &delivery->resume);
}

static inline void mx_resume_soon(struct mx_delivery *delivery)
{
	mx_resume_in(delivery, 0.);
}

/* A process for this host and all that the domains marked with it have waiting: their
 * worker is the new one. False: err; nothing has changed. */
bool mx_worker_start(struct mx_delivery *delivery, const struct mx_host *host,
		     struct err *err);
void mx_worker_free(struct mx_worker *worker);
void mx_worker_send(const struct mx_worker *worker, const struct buf *packet);

#endif
