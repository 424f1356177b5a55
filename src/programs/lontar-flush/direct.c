#include "programs/lontar-flush/direct.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "mail/address.h"
#include "programs/lontar-flush/destination.h"
#include "programs/lontar-flush/direct_private.h"
#include "programs/lontar-flush/outcome.h"

#define ASKS_MAX 20 /* domains asked about at a time */
/* So long a host's connection waits for other domains that may turn out to share it. */
#define PATIENCE_MS 500

static void go_on_in(struct direct *direct, double seconds)
{
	ev_timer_stop(direct->flush->loop, &direct->go_on);
	ev_timer_set(&direct->go_on, seconds, 0.);
	ev_timer_start(direct->flush->loop, &direct->go_on);
}

void direct_go_on_soon(struct direct *direct)
{
	go_on_in(direct, 0.);
}

static void set_failed(struct domain *domain, const struct err *err)
{
	domain->state = DOMAIN_FAILED;
	domain->err = *err;
	domain->since = clock_wall_s();
}

/* domains */

static void on_hosts(void *ctx, const struct mx_host *hosts, size_t count,
		     const struct err *err)
{
	struct domain *domain = ctx;
	struct direct *direct = domain->direct;
	struct err loop = { 0 };

	direct->asking--;
	if (err) {
		set_failed(domain, err);
	} else {
		count = hosts_better_than_us(direct->flush, hosts, count);
		err_permanent(&loop, "5.4.6",
			      "mail for %s would come back here: this gateway is its "
			      "best mail host, and control/locals and "
			      "control/smtproutes do not say what to do with it",
			      domain->name);
		set_failed(domain, &loop);
	}
	if (!err && count) {
		domain->state = DOMAIN_KNOWN;
		domain->hosts = must_alloc(count * sizeof(*hosts));
		domain->count = count;
		memcpy(domain->hosts, hosts, count * sizeof(*hosts));
	}
	mx_close(domain->mx);
	domain->mx = NULL;
	direct_go_on_soon(direct);
}

/* Many domains have one hoster. */
static const char *known_addresses(void *ctx, const char *host)
{
	const struct domain *asking = ctx;

	for (const struct domain *at = asking->direct->domains; at; at = at->next)
		for (size_t i = 0; i < at->count; i++)
			if (strcmp(at->hosts[i].name, host) == 0)
				return at->hosts[i].addresses;
	return NULL;
}

static void ask(struct domain *domain)
{
	struct direct *direct = domain->direct;
	const struct lanes *lanes = &direct->flush->lanes;

	domain->state = DOMAIN_ASKING;
	direct->asking++;
	domain->mx = mx_start(direct->flush->loop, domain->name,
			      &(struct resolve_way){ .servers = lanes->link.dns,
						     .bind_to = lanes->bind_to },
			      known_addresses, on_hosts, domain);
}

static struct domain *find_or_add(struct direct *direct, const char *name)
{
	struct domain *domain = direct->domains;

	while (domain && strcasecmp(domain->name, name) != 0)
		domain = domain->next;
	if (domain)
		return domain;
	domain = must_alloc(sizeof(*domain));
	*domain = (struct domain){ .next = direct->domains,
				   .direct = direct,
				   .name = must_copy(name) };
	for (char *c = domain->name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	direct->domains = domain;
	return domain;
}

static void forget_hosts(struct domain *domain)
{
	free(domain->hosts);
	domain->hosts = NULL;
	domain->count = 0;
	domain->state = DOMAIN_NEW;
}

/* A call may last as long as the link does. */
static void forget_old(struct direct *direct)
{
	int64_t now = clock_wall_s();

	dead_forget_old(direct);
	for (struct domain *one = direct->domains; one; one = one->next)
		if (!one->worker && !one->mx && now - one->since >= DIRECT_KNOWN_S)
			forget_hosts(one);
}

/* Its best host is one that may be reached; else it has failed. */
static void choose_host(struct domain *domain)
{
	while (domain->count) {
		const struct dead_host *dead =
			dead_find(domain->direct, domain->hosts[0].name);

		if (!dead)
			return;
		domain->err = dead->err;
		domain->count--;
		memmove(domain->hosts, domain->hosts + 1,
			domain->count * sizeof(*domain->hosts));
	}
	domain->state = DOMAIN_FAILED;
}

void direct_on_worker(struct direct *direct, const struct worker *worker)
{
	struct flush *flush = direct->flush;
	struct err err = { 0 };

	flush->tally.sent += worker->last.sent;
	flush->tally.sent_bytes += worker->last.sent_bytes;
	flush->tally.refused += worker->last.refused;
	flush->tally.deferred += worker->last.deferred;
	flush->tally.deliveries += worker->count;
	flush->meter.closed_bytes += worker->last.used_bytes;
	flush->connected = flush->connected ||
			   (worker->told && worker->exit_code != DESTINATION_NOT_REACHED);
	if (!worker->told || worker->exit_code != EX_OK) {
		err_temporary(&err, "4.4.1", "%s",
			      worker->text[0] ? worker->text
					      : "the process that sent it has died");
		flush_blame(flush, &err);
		if (!flush->stopping)
			dead_add(direct, worker->host, &err);
	} else {
		dead_remove(direct, worker->host);
	}
	if (worker->exit_code == EX_OK && worker->text[0]) {
		err_temporary(&err, "", "%s", worker->text);
		flush_blame(flush, &err);
	}
	for (struct domain *at = direct->domains; at; at = at->next)
		if (at->worker == worker)
			at->worker = NULL;
	flush_look_again(flush);
}

/* Each of its messages hears it. */
static void fail(struct domain *domain)
{
	struct flush *flush = domain->direct->flush;

	flush_blame(flush, &domain->err);
	while (domain->first) {
		struct waiting *one = domain->first;

		domain->first = one->next;
		outcome_undeliverable(flush, &one->name, domain->name, &domain->err);
		free(one);
	}
}

/* going on */

/* One connection a host at a time. */
static bool may_start(const struct direct *direct, const struct domain *domain)
{
	uint64_t most = direct->flush->settings.concurrencyremote;

	/* 0 keeps lontar-link from flushing: who asks all the same gets one. */
	if (!domain->first || domain->worker || direct->worker_count >= (most ? most : 1))
		return false;
	for (const struct worker *at = direct->workers; at; at = at->next)
		if (strcmp(at->host, domain->hosts[0].name) == 0)
			return false;
	return true;
}

static void look_up(struct direct *direct, struct domain *domain)
{
	if (domain->state == DOMAIN_NEW && direct->asking < ASKS_MAX)
		ask(domain);
	if (domain->state == DOMAIN_KNOWN && !domain->worker)
		choose_host(domain);
	if (domain->state == DOMAIN_FAILED)
		fail(domain);
}

static void send_to_hosts(struct direct *direct)
{
	struct err err = { 0 };

	for (struct domain *at = direct->domains; at; at = at->next) {
		if (at->state != DOMAIN_KNOWN || !may_start(direct, at) ||
		    worker_start(direct, &at->hosts[0], &err))
			continue;
		log_failure(&err);
		set_failed(at, &err);
		fail(at);
	}
}

static void on_go_on(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct direct *direct = watcher->data;
	struct flush *flush = direct->flush;

	int64_t left_ms = direct->listed_ms + PATIENCE_MS - clock_monotonic_ms();

	(void)loop;
	(void)events;
	for (struct domain *at = direct->domains; at && !flush->stopping; at = at->next)
		if (at->first)
			look_up(direct, at);
	if (direct->asking && left_ms > 0)
		go_on_in(direct, (double)left_ms / 1000.);
	else if (!flush->stopping)
		send_to_hosts(direct);
	flush->doing = direct->worker_count ? "sending" : "looking for mail hosts";
	direct_allow(direct);
	if (!direct_is_busy(direct))
		flush_drained(flush);
}

/* By its first recipient who is not settled. */
static bool find_domain(struct flush *flush, const struct parked_name *name,
			char domain_out[ADDRESS_MAX])
{
	struct envelope envelope = { 0 };
	struct err ignored;
	AUTO_FD fd = parked_read(flush->parked, name, &envelope, &ignored);

	domain_out[0] = '\0';
	for (size_t i = 0; fd >= 0 && i < envelope.count && !domain_out[0]; i++)
		if (!envelope.recipients[i].settled)
			snprintf(domain_out, ADDRESS_MAX, "%s",
				 address_domain(envelope.recipients[i].address));
	envelope_clear(&envelope);
	return domain_out[0] != '\0';
}

void direct_take_list(struct direct *direct)
{
	struct flush *flush = direct->flush;
	const struct err no_domain = { .kind = ERR_TEMPORARY,
				       .status = "4.3.0",
				       .text = "the recipient has no domain" };

	forget_old(direct);
	for (size_t i = flush->queue.next; i < flush->queue.list.count; i++) {
		const struct parked_name *name = &flush->queue.list.names[i];
		char name_of_domain[ADDRESS_MAX];
		struct domain *domain;
		struct waiting *one;

		/* What cannot be read is dealt with as any other flush does. */
		if (!find_domain(flush, name, name_of_domain)) {
			outcome_undeliverable(flush, name, "", &no_domain);
			continue;
		}
		one = must_alloc(sizeof(*one));
		domain = find_or_add(direct, name_of_domain);
		/* Who sends them has an order of his own. */
		*one = (struct waiting){ .next = domain->first, .name = *name };
		domain->first = one;
	}
	queue_clear(&flush->queue);
	direct->listed_ms = clock_monotonic_ms();
	direct_go_on_soon(direct);
}

static void add_busy(struct direct *direct, const struct waiting *first)
{
	for (; first; first = first->next) {
		if (direct->busy_count % 256 == 0)
			direct->busy = must_resize(direct->busy, direct->busy_count + 256,
						   sizeof(*direct->busy));
		direct->busy[direct->busy_count++] = first->name.id;
	}
}

static int compare(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

void direct_prepare(struct direct *direct)
{
	direct->busy_count = 0;
	for (const struct domain *at = direct->domains; at; at = at->next)
		add_busy(direct, at->first);
	for (const struct worker *at = direct->workers; at; at = at->next)
		add_busy(direct, at->messages);
	if (direct->busy_count)
		qsort(direct->busy, direct->busy_count, sizeof(*direct->busy), compare);
}

bool direct_has(const struct direct *direct, const char *id)
{
	return direct->busy_count && bsearch(&id, direct->busy, direct->busy_count,
					     sizeof(*direct->busy), compare) != NULL;
}

bool direct_is_busy(const struct direct *direct)
{
	bool waits = false;

	for (const struct domain *at = direct->domains; at; at = at->next)
		waits = waits || at->first;
	return direct->worker_count ||
	       (!direct->flush->stopping && (waits || direct->asking));
}

void direct_stop(struct direct *direct, const char *why)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);

	link_stop_put(&packet, 0, &(struct link_stop){ span_of(why) });
	for (const struct worker *at = direct->workers; at; at = at->next)
		worker_send(at, &packet);
}

/* An even share of what is left for each. */
void direct_allow(struct direct *direct)
{
	const struct meter *meter = &direct->flush->meter;
	uint64_t used = meter_used(direct->flush), left;
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);

	if (!direct->worker_count ||
	    (meter->most_bytes == ALLOWANCE_UNLIMITED && meter->until == INT64_MAX))
		return;
	left = meter->most_bytes > used ? meter->most_bytes - used : 0;
	for (const struct worker *at = direct->workers; at; at = at->next) {
		struct link_allow allow = {
			.most_bytes = meter->most_bytes == ALLOWANCE_UNLIMITED
					      ? ALLOWANCE_UNLIMITED
					      : at->last.used_bytes +
							left / direct->worker_count,
			.until = (uint64_t)meter->until,
		};

		link_allow_put(&packet, 0, &allow);
		worker_send(at, &packet);
	}
}

void direct_add_progress(const struct direct *direct, struct link_progress *progress)
{
	for (const struct worker *at = direct->workers; at; at = at->next) {
		progress->sent += at->last.sent;
		progress->sent_bytes += at->last.sent_bytes;
		progress->refused += at->last.refused;
		progress->deferred += at->last.deferred;
		progress->waiting += at->last.waiting;
		progress->waiting_bytes += at->last.waiting_bytes;
	}
	for (const struct domain *at = direct->domains; at; at = at->next)
		for (const struct waiting *one = at->first; one; one = one->next) {
			progress->waiting++;
			progress->waiting_bytes += one->name.wire_bytes;
		}
}

uint64_t direct_used(const struct direct *direct)
{
	uint64_t used = 0;

	for (const struct worker *at = direct->workers; at; at = at->next)
		used += at->last.used_bytes;
	return used;
}

struct direct *direct_new(struct flush *flush)
{
	struct direct *direct = must_alloc(sizeof(*direct));

	direct->flush = flush;
	ev_timer_init(&direct->go_on, on_go_on, 0., 0.);
	direct->go_on.data = direct;
	if (!flush->all_due)
		dead_read(direct);
	return direct;
}

static void free_domain(struct domain *domain)
{
	mx_close(domain->mx);
	while (domain->first) {
		struct waiting *next = domain->first->next;

		free(domain->first);
		domain->first = next;
	}
	free(domain->hosts);
	free(domain->name);
	free(domain);
}

void direct_end(struct direct *direct)
{
	ev_timer_stop(direct->flush->loop, &direct->go_on);
	while (direct->workers) {
		struct worker *next = direct->workers->next;

		worker_free(direct->workers);
		direct->workers = next;
	}
	direct->worker_count = 0;
	dead_write(direct);
}

void direct_free(struct direct *direct)
{
	if (!direct)
		return;
	direct_end(direct);
	while (direct->domains) {
		struct domain *next = direct->domains->next;

		free_domain(direct->domains);
		direct->domains = next;
	}
	dead_clear(direct);
	free(direct->busy);
	free(direct);
}
