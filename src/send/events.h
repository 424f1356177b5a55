/*
 * What the connections of a flush ask and tell upward. The run (run.h) implements the
 * table; nothing below it includes run.h. Events carry values; what is handed over with
 * an event belongs to the receiver. A receiver must not close a connection from within
 * an event: it changes the gate, and acts from the loop.
 */
#ifndef SEND_EVENTS_H
#define SEND_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "link/order.h"
#include "net/dial.h"
#include "net/dial_failure.h"
#include "smtp/client.h"

struct outgoing;

enum send_gate {
	GATE_OPEN,
	GATE_NO_NEW, /* no message is begun; those begun are written and answered */
	GATE_CUT,    /* nothing more is written, not even the rest of a message */
};

/* How the message's transaction ended. */
enum send_end {
	SEND_ANSWERED,  /* the server answered for every recipient */
	SEND_UNSENT,    /* the connection ended first; it cannot have arrived */
	SEND_UNCERTAIN, /* the same, but it may have arrived */
};

/* How a connection ended, or that it never came to be. */
struct send_loss {
	struct err why;
	const struct dial_failure *failure; /* borrowed; NULL: none of the server */
	bool was_connected;
	bool was_closed; /* the server hung up; the line itself is not dead */
	bool is_any_uncertain;
	bool was_given_up; /* the conversation was out of step; the line is not dead */
	bool is_stalled;   /* large segments vanish on the way (net/line.h) */
	bool is_swallowed; /* silent after a body by BDAT, although the line is alive */
	bool is_half_answered; /* silent after some of several pipelined commands */
	unsigned answered;     /* messages that it had answered */
};

struct send_events {
	/* What the link allows to be begun now. */
	struct order_limits (*limits)(void *ctx);
	/* A message is about to be begun. False: it may not be sent now, and the receiver
	 * has put it back. */
	bool (*admit)(void *ctx, struct outgoing *message);
	/* What became of a message; message and result are the receiver's. If the
	 * connection ended first, some recipients may have their answers all the same. */
	void (*result)(void *ctx, struct outgoing *message,
		       struct smtp_client_result *result, enum send_end end);
	/* The list is used up, and more is due. */
	void (*list_short)(void *ctx);
	/* A connection is ready for mail. */
	void (*ready)(void *ctx, const struct dial *dial, const struct smtp_offer *offer);
	/* Something moved, and nothing is begun or left to write on any connection. */
	void (*drained)(void *ctx);
	/* A connection ended by itself; `left` others stand. */
	void (*lost)(void *ctx, const struct send_loss *loss, unsigned left);
};

#endif
