/* When the mail that waits for a smarthost may be flushed, and when to ask again. */
#ifndef LONTAR_LINK_TURN_H
#define LONTAR_LINK_TURN_H

#include <stdbool.h>

#include "control/settings.h"
#include "link/allowance.h"

#define TURN_NEVER (-1.) /* not by itself: a link-up or new mail begins it */

struct turn {
	int root_fd;
	int control_fd;
	const struct settings *settings;
	const char *smarthost;
	unsigned failures; /* to reach it, in a row, since the link came up */
	bool has_sent;     /* something, in the last flush */
};

/* A link that is open serves it. */
bool turn_is_served(const struct turn *turn, struct link_choice *choice_out);
/* A flush would only move its mail, to another smarthost that a link leads to. */
bool turn_is_moved(const struct turn *turn);
/* A flush may be started now. */
bool turn_may_go(const struct turn *turn);

/* Seconds until this is to be asked again, or TURN_NEVER: if it may not go now, and after
 * a flush has ended. */
double turn_of_stop(const struct turn *turn);
double turn_after(const struct turn *turn);

#endif
