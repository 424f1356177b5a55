/* What a link would take if it were up: the facts for link/callwhen.h. */
#ifndef LONTAR_LINK_WAITING_H
#define LONTAR_LINK_WAITING_H

#include "control/linkfile.h"
#include "link/call.h"
#include "link/callwhen.h"

struct waiting_place {
	uint64_t uncertainwait_s;
	int root_fd;
	int control_fd;
};

/* Adds to *facts, whose times are set: mail for smarthosts that the link serves and that
 * are not stopped, of a size and priority that it takes. What the last call left behind
 * counts some time after it. */
void waiting_count(const struct waiting_place *place, const struct linkfile *file,
		   const struct call_note *note, struct callwhen_facts *facts);

#endif
