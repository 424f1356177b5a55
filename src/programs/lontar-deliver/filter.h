/*
 * Filters in qmail-queue's place (QMAILQUEUE): which one a message goes to, and one at
 * work (ipc/filter.h). What it took it has handed in anew, durably: the draft is then of
 * no more use.
 */
#ifndef LONTAR_DELIVER_FILTER_H
#define LONTAR_DELIVER_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "control/settings.h"
#include "ipc/service.h"

struct filters {
	struct service *service;
	int control_fd;
	int64_t looked_ms; /* at tcp.smtp, monotonic; 0: never */
	bool has_rules;    /* it names filters */
};

/* What is told to the program; the texts are the order's. */
struct filter_order {
	char *program;
	char *remote_ip, *helo, *login;
};

/* NULL: the message from there goes to none. Temporary err: that cannot be told. */
bool filters_find(struct filters *filters, const struct settings *settings,
		  const char *remote_ip, char program_out[256], struct err *err) MUST_USE;

struct filter_order *filter_order_new(const char *program, struct span remote_ip,
				      struct span helo, struct span login);
void filter_order_free(struct filter_order *order); /* NULL does nothing */

struct filter_message {
	const char *id; /* of the draft */
	int fd;         /* to read, */
	uint64_t from;  /* from here on */
	const char *sender;
	struct span recipients; /* each ended by a NUL */
	bool may_relay;
};

/* Calls done once, from the loop: err is NULL when it was taken. */
void filter_start(struct filters *filters, const struct settings *settings,
		  const struct filter_order *order, const struct filter_message *message,
		  void (*done)(void *ctx, const struct err *err), void *ctx);

#endif
