/* What a command asked for and waits for: smarthosts to flush, pickups to fetch. */
#ifndef LONTAR_LINK_WANTS_H
#define LONTAR_LINK_WANTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"
#include "control/settings.h"
#include "ipc/link.h"

struct wants {                             /* valid when zeroed: nothing */
	char (*names)[LINK_WORK_NAME_MAX]; /* smarthosts, or pickups by their labels */
	size_t count;
};

void wants_clear(struct wants *wants);
bool wants_has(const struct wants *wants, struct span name);
void wants_add(struct wants *wants, const char *name);
/* False: it was not there. */
bool wants_remove(struct wants *wants, struct span name);

struct wants_place {
	int root_fd;
	int control_fd;
	const struct settings *settings;
};

/* Names, a line each; none: all that have mail, or all pickups. EX_NOINPUT: one that
 * there is not, and nothing is wanted. */
bool wants_flushes(struct wants *wants, const struct wants_place *place,
		   struct span names, struct err *err) MUST_USE;
bool wants_pickups(struct wants *wants, const struct wants_place *place,
		   struct span names, struct err *err) MUST_USE;

#endif
