/* Mail of a smarthost that is out of order goes over its fallback (link/fallback.h). */
#ifndef SEND_FALLBACK_MOVE_H
#define SEND_FALLBACK_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "send/outbound.h"

struct fallback_move {
	struct outbound *outbound;
	int64_t link_since; /* wall clock seconds; 0: no link is up */
	int64_t began;      /* of this flush, wall clock seconds */
	bool was_connected; /* in this flush */
	bool was_lost;      /* by itself, and nothing was stopped */
	/* Mail went to that smarthost, which needs a flush of its own. */
	void (*moved)(void *ctx, const char *smarthost);
	void *ctx;
};

/* The smarthost is known to be out of order, and nothing asks for another try: its mail
 * has been moved, and nothing is left to do. */
bool fallback_instead(const struct fallback_move *move);
/* This flush has ended: whether it reached its server is counted, and if it is out of
 * order now, its waiting mail is moved. */
void fallback_afterwards(const struct fallback_move *move);

#endif
