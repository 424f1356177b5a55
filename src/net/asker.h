/*
 * A c-ares channel on an event loop: who asks name servers opens one, asks through its
 * channel, and closes it, also before the answer.
 */
#ifndef NET_ASKER_H
#define NET_ASKER_H

#include <ares.h>
#include <ev.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

#define ASKER_SOCKETS_MAX 16

struct resolve_way {
	const char *servers; /* addresses with commas between, each with a ":port" or not;
			      * NULL or "": the system's, wherever they are */
	const char *bind_to; /* NULL, or "if!NAME": where those named are asked over */
	unsigned timeout_ms; /* of one server, doubled at each round; 0: the usual */
};

struct asker {
	struct ev_loop *loop;
	ares_channel channel;
	bool is_open;
	ev_io sockets[ASKER_SOCKETS_MAX];
	ev_timer tick;
};

/* The way is borrowed for this call only. False and err (temporary): there is nothing to
 * close. The asker stays where it is until then. */
bool asker_open(struct asker *asker, struct ev_loop *loop, const struct resolve_way *way,
		struct err *err) MUST_USE;
/* What is asked is answered with ARES_EDESTRUCTION from within. A zeroed or closed one
 * is left alone. */
void asker_close(struct asker *asker);
/* Nothing more is awaited. */
void asker_rest(struct asker *asker);

#endif
