#include "send/mx_delivery.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "mail/address.h"
#include "send/disposition.h"
#include "send/mx_job.h"
#include "send/mx_private.h"

#define ASKS_MAX 20 /* domains asked about at a time */
/* A host's connection waits so long for other domains that may turn out to share it. */
#define PATIENCE_MS 500

static void count_worker(struct mx_delivery *delivery, const struct mx_worker *worker)
{
	struct send_counters *counters = &delivery->setup.outbound->counters;

	counters->sent += worker->last.sent;
	counters->sent_bytes += worker->last.sent_bytes;
	counters->refused += worker->last.refused;
	counters->deferred += worker->last.deferred;
	counters->deliveries += worker->count;
	delivery->setup.quota->closed_bytes += worker->last.used_bytes;
	delivery->was_connected |=
		worker->told && worker->exit_code != MX_JOB_NOT_REACHED;
}

static void on_worker_ended(struct mx_delivery *delivery, const struct mx_worker *worker)
{
	struct outbound *outbound = delivery->setup.outbound;
	struct err err = { 0 };

	count_worker(delivery, worker);
	if (!worker->told || worker->exit_code != EX_OK) {
		err_temporary(&err, "4.4.1", "%s",
			      worker->text[0] ? worker->text
					      : "the process that sent it has died");
		outbound_blame(outbound, &err);
		if (!delivery->is_stopping)
			unreachable_add(delivery, worker->host, &err);
	} else {
		unreachable_remove(delivery, worker->host);
	}
	if (worker->exit_code == EX_OK && worker->text[0]) {
		err_temporary(&err, "", "%s", worker->text);
		outbound_blame(outbound, &err);
	}
	for (struct mx_domain *at = delivery->domains; at; at = at->next)
		if (at->worker == worker)
			at->worker = NULL;
	delivery->setup.relist(delivery->setup.ctx);
}

/* Each of its messages hears it. */
static void fail(struct mx_domain *domain)
{
	struct mx_delivery *delivery = domain->delivery;
	struct outbound *outbound = delivery->setup.outbound;

	if (domain->err.kind == ERR_PERMANENT && delivery->dns.truth == DNS_ASKING)
		return; /* on_dns_checked goes on */
	if (domain->err.kind == ERR_PERMANENT && delivery->dns.truth == DNS_LIES)
		err_temporary(&domain->err, "4.4.3",
			      "the name servers say that %s is not there, but they know "
			      "no other name either",
			      domain->name);
	outbound_blame(outbound, &domain->err);
	while (domain->first) {
		struct mx_message *one = domain->first;

		domain->first = one->next;
		disposition_undeliverable(outbound, &one->name, domain->name,
					  &domain->err);
		free(one);
	}
}

/* One connection a host at a time. */
static bool may_start(const struct mx_delivery *delivery, const struct mx_domain *domain)
{
	uint64_t most = delivery->setup.outbound->settings.concurrencyremote;

	/* 0 keeps lontar-link from flushing: a flush that was asked for gets one. */
	if (!domain->first || domain->worker ||
	    delivery->worker_count >= (most ? most : 1))
		return false;
	for (const struct mx_worker *at = delivery->workers; at; at = at->next)
		if (strcmp(at->host, domain->hosts[0].name) == 0)
			return false;
	return true;
}

static void look_up(struct mx_delivery *delivery, struct mx_domain *domain)
{
	if (domain->state == DOMAIN_NEW && delivery->asking < ASKS_MAX)
		mx_domain_ask(domain);
	if (domain->state == DOMAIN_KNOWN && !domain->worker)
		mx_domain_choose_host(domain);
	if (domain->state == DOMAIN_FAILED)
		fail(domain);
}

static void send_to_hosts(struct mx_delivery *delivery)
{
	struct err err = { 0 };

	for (struct mx_domain *at = delivery->domains; at; at = at->next) {
		if (at->state != DOMAIN_KNOWN || !may_start(delivery, at) ||
		    mx_worker_start(delivery, &at->hosts[0], &err))
			continue;
		log_failure(&err);
		mx_domain_fail(at, &err);
		fail(at);
	}
}

static void on_resume(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct mx_delivery *delivery = watcher->data;
	int64_t left_ms = delivery->listed_ms + PATIENCE_MS - clock_monotonic_ms();

	(void)loop;
	(void)events;
	for (struct mx_domain *at = delivery->domains; at && !delivery->is_stopping;
	     at = at->next)
		if (at->first)
			look_up(delivery, at);
	if (delivery->asking && left_ms > 0)
		mx_resume_in(delivery, (double)left_ms / 1000.);
	else if (!delivery->is_stopping)
		send_to_hosts(delivery);
	mx_delivery_limit(delivery);
	if (!mx_delivery_is_busy(delivery))
		delivery->setup.drained(delivery->setup.ctx);
}

/* By its first recipient that is not settled. */
static bool find_domain(const struct outbound *outbound, const struct parked_name *name,
			char domain_out[ADDRESS_MAX])
{
	struct envelope envelope = { 0 };
	struct err ignored;
	AUTO_FD fd = parked_read(outbound->parked, name, &envelope, &ignored);

	domain_out[0] = '\0';
	for (size_t i = 0; fd >= 0 && i < envelope.count && !domain_out[0]; i++)
		if (!envelope.recipients[i].settled)
			snprintf(domain_out, ADDRESS_MAX, "%s",
				 address_domain(envelope.recipients[i].address));
	envelope_clear(&envelope);
	return domain_out[0] != '\0';
}

void mx_delivery_take_list(struct mx_delivery *delivery)
{
	struct outbound *outbound = delivery->setup.outbound;
	const struct err no_domain = { .kind = ERR_TEMPORARY,
				       .status = "4.3.0",
				       .text = "the recipient has no domain" };

	mx_domains_refresh(delivery);
	for (size_t i = outbound->queue.next; i < outbound->queue.list.count; i++) {
		const struct parked_name *name = &outbound->queue.list.names[i];
		char name_of_domain[ADDRESS_MAX];
		struct mx_domain *domain;
		struct mx_message *one;

		/* What cannot be read is dealt with as any other flush does. */
		if (!find_domain(outbound, name, name_of_domain)) {
			disposition_undeliverable(outbound, name, "", &no_domain);
			continue;
		}
		one = must_alloc(sizeof(*one));
		domain = mx_domain_find(delivery, name_of_domain);
		/* The process that sends them orders them itself. */
		*one = (struct mx_message){ .next = domain->first, .name = *name };
		domain->first = one;
	}
	queue_clear(&outbound->queue);
	delivery->listed_ms = clock_monotonic_ms();
	mx_resume_soon(delivery);
}

static void add_busy(struct mx_delivery *delivery, const struct mx_message *first)
{
	for (; first; first = first->next) {
		if (delivery->busy_count % 256 == 0)
			delivery->busy =
				must_resize(delivery->busy, delivery->busy_count + 256,
					    sizeof(*delivery->busy));
		delivery->busy[delivery->busy_count++] = first->name.id;
	}
}

static int compare(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

void mx_delivery_index(struct mx_delivery *delivery)
{
	delivery->busy_count = 0;
	for (const struct mx_domain *at = delivery->domains; at; at = at->next)
		add_busy(delivery, at->first);
	for (const struct mx_worker *at = delivery->workers; at; at = at->next)
		add_busy(delivery, at->messages);
	if (delivery->busy_count)
		qsort(delivery->busy, delivery->busy_count, sizeof(*delivery->busy),
		      compare);
}

bool mx_delivery_has(const struct mx_delivery *delivery, const char *id)
{
	return delivery->busy_count && bsearch(&id, delivery->busy, delivery->busy_count,
					       sizeof(*delivery->busy), compare) != NULL;
}

bool mx_delivery_is_busy(const struct mx_delivery *delivery)
{
	bool waits = false;

	for (const struct mx_domain *at = delivery->domains; at; at = at->next)
		waits = waits || at->first;
	return delivery->worker_count ||
	       (!delivery->is_stopping && (waits || delivery->asking));
}

void mx_delivery_stop(struct mx_delivery *delivery, const char *why)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);

	delivery->is_stopping = true;
	link_stop_put(&packet, 0, &(struct link_stop){ span_of(why) });
	for (const struct mx_worker *at = delivery->workers; at; at = at->next)
		mx_worker_send(at, &packet);
}

/* Each process is given an even share of what is left. */
void mx_delivery_limit(struct mx_delivery *delivery)
{
	const struct quota *quota = delivery->setup.quota;
	uint64_t left = limit_left(quota->most_bytes,
				   quota_used(quota, mx_delivery_used(delivery)));
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);

	if (!delivery->worker_count || !quota_is_bounded(quota))
		return;
	for (const struct mx_worker *at = delivery->workers; at; at = at->next) {
		struct link_allow allow = {
			.most_bytes = left == LIMIT_NONE
					      ? LIMIT_NONE
					      : at->last.used_bytes +
							left / delivery->worker_count,
			.until = (uint64_t)quota->until,
		};

		link_allow_put(&packet, 0, &allow);
		mx_worker_send(at, &packet);
	}
}

void mx_delivery_add_progress(const struct mx_delivery *delivery,
			      struct link_progress *progress)
{
	for (const struct mx_worker *at = delivery->workers; at; at = at->next) {
		progress->sent += at->last.sent;
		progress->sent_bytes += at->last.sent_bytes;
		progress->refused += at->last.refused;
		progress->deferred += at->last.deferred;
		progress->waiting += at->last.waiting;
		progress->waiting_bytes += at->last.waiting_bytes;
	}
	for (const struct mx_domain *at = delivery->domains; at; at = at->next)
		for (const struct mx_message *one = at->first; one; one = one->next) {
			progress->waiting++;
			progress->waiting_bytes += one->name.wire_bytes;
		}
}

uint64_t mx_delivery_used(const struct mx_delivery *delivery)
{
	uint64_t used = 0;

	for (const struct mx_worker *at = delivery->workers; at; at = at->next)
		used += at->last.used_bytes;
	return used;
}

struct mx_delivery *mx_delivery_new(const struct mx_delivery_setup *setup)
{
	struct mx_delivery *delivery = must_alloc(sizeof(*delivery));

	delivery->setup = *setup;
	delivery->worker_ended = on_worker_ended;
	ev_timer_init(&delivery->resume, on_resume, 0., 0.);
	delivery->resume.data = delivery;
	if (!setup->try_all_hosts)
		unreachable_read(delivery);
	return delivery;
}

bool mx_delivery_was_connected(const struct mx_delivery *delivery)
{
	return delivery->was_connected;
}

bool mx_delivery_is_sending(const struct mx_delivery *delivery)
{
	return delivery->worker_count > 0;
}

static void free_domain(struct mx_domain *domain)
{
	mx_close(domain->mx);
	while (domain->first) {
		struct mx_message *next = domain->first->next;

		free(domain->first);
		domain->first = next;
	}
	free(domain->hosts);
	free(domain->name);
	free(domain);
}

void mx_delivery_end(struct mx_delivery *delivery)
{
	ev_timer_stop(delivery->setup.loop, &delivery->resume);
	while (delivery->workers) {
		struct mx_worker *next = delivery->workers->next;

		mx_worker_free(delivery->workers);
		delivery->workers = next;
	}
	delivery->worker_count = 0;
	dns_check_close(&delivery->dns);
	unreachable_write(delivery);
}

void mx_delivery_free(struct mx_delivery *delivery)
{
	if (!delivery)
		return;
	mx_delivery_end(delivery);
	while (delivery->domains) {
		struct mx_domain *next = delivery->domains->next;

		free_domain(delivery->domains);
		delivery->domains = next;
	}
	unreachable_clear(delivery);
	free(delivery->busy);
	free(delivery);
}
