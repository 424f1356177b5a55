/*
 * Direct delivery (a smarthost of type mx): every message goes to the hosts that take its
 * recipients' domain. Here domains are found in the Maildir, their hosts asked for, and a
 * process (mx_job.h) started for each host that has mail: domains that share a host
 * share its connection, and one that hangs keeps no other.
 *
 * A host that cannot be reached is left out for the rest of the call, and the next one of
 * the domain takes its turn. If none is left, or the name servers say that there is none,
 * each message hears what happened as if a server had said so.
 */
#ifndef SEND_MX_DELIVERY_H
#define SEND_MX_DELIVERY_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "send/outbound.h"
#include "transfer/link_path.h"
#include "transfer/quota.h"

struct link_progress;

struct mx_delivery_setup {
	struct ev_loop *loop;
	struct outbound *outbound;
	const struct link_path *path;
	struct quota *quota;
	bool try_all_hosts; /* also those that could not be reached lately */
	/* A process has ended: the queue must be listed again. */
	void (*relist)(void *ctx);
	/* Nothing is at work, and nothing waits here. */
	void (*drained)(void *ctx);
	void *ctx;
};

struct mx_delivery;
struct mx_delivery *mx_delivery_new(const struct mx_delivery_setup *setup);
void mx_delivery_free(struct mx_delivery *delivery); /* NULL does nothing */
/* Ends what is at work, and waits for it: before that the Maildir is in use. */
void mx_delivery_end(struct mx_delivery *delivery);

/* Takes what the queue has listed, and goes on. */
void mx_delivery_take_list(struct mx_delivery *delivery);
/* Before a listing; then mx_delivery_has says whether a message waits here or is being
 * sent. */
void mx_delivery_index(struct mx_delivery *delivery);
bool mx_delivery_has(const struct mx_delivery *delivery, const char *id);

/* Something is at work; the second: a process is. */
bool mx_delivery_is_busy(const struct mx_delivery *delivery);
bool mx_delivery_is_sending(const struct mx_delivery *delivery);
/* Some host was connected to in this call. */
bool mx_delivery_was_connected(const struct mx_delivery *delivery);
void mx_delivery_stop(struct mx_delivery *delivery, const char *why);
/* The quota has changed. */
void mx_delivery_limit(struct mx_delivery *delivery);
/* Adds what the processes at work have told. */
void mx_delivery_add_progress(const struct mx_delivery *delivery,
			      struct link_progress *progress);
/* Bytes used on the link by the processes at work. */
uint64_t mx_delivery_used(const struct mx_delivery *delivery);

#endif
