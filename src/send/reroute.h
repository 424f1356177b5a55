/* A changed route map applies to what is parked already, once, before the next flush. */
#ifndef SEND_REROUTE_H
#define SEND_REROUTE_H

#include <stdbool.h>

#include "send/outbound.h"

/* moved: mail went to that smarthost, which needs a flush of its own. */
bool reroute(struct outbound *outbound, void (*moved)(void *ctx, const char *smarthost),
	     void *ctx, struct err *err) MUST_USE;

#endif
