/*
 * What the connection and the conversation tell upward while mail is fetched. The main
 * object (work.c) implements it. The parts below know nothing of it but this table, which
 * carries values only, and of the limits of the link they know what they ask here.
 *
 * All functions are set, and are called from the loop.
 */
#ifndef LONTAR_PICKUP_FETCH_EVENTS_H
#define LONTAR_PICKUP_FETCH_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum fetch_result {
	FETCH_DELIVERED, /* durable here */
	FETCH_DUPLICATE, /* its contents were fetched before */
	FETCH_LOOPED,    /* it goes round in a circle, and is left there */
	FETCH_REFUSED,   /* the server would not give it, and keeps it */
	FETCH_DELETED,   /* it is removed there, for good */
};

struct fetch_events {
	/* The login is done, and the listing is asked for. */
	void (*on_connected)(void *ctx);
	/* The listing is complete, and what is to be fetched is known. */
	void (*on_listed)(void *ctx);
	/* What became of one message. bytes: stored ones. err: why, if it was looped or
	 * refused; else NULL. */
	void (*on_result)(void *ctx, enum fetch_result result, uint64_t bytes,
			  const struct err *err);
	/* May a message of so many octets be begun, while begun_octets of others are
	 * still to come? */
	bool (*has_room)(void *ctx, uint64_t octets, uint64_t begun_octets);
	/* Asked between two reads. False: nothing more is read or written. */
	bool (*may_continue)(void *ctx);

	/* One of these is the connection's last word; it may be closed from within. */

	/* The server could not be reached, or took no login. */
	void (*on_not_connected)(void *ctx, const struct err *err);
	/* The conversation broke off. */
	void (*on_lost)(void *ctx, const struct err *err);
	/* QUIT was answered. has_more: there is more to fetch, over another connection.
	 */
	void (*on_done)(void *ctx, bool has_more);
};

#endif
