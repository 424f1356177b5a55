/* Mail of a smarthost that is out of order goes over its fallback (link/fallback.h). */
#ifndef LONTAR_FLUSH_FALLBACK_H
#define LONTAR_FLUSH_FALLBACK_H

#include "programs/lontar-flush/flush.h"

/* It is known to be out of order, and nobody wants it tried now: its mail has been moved,
 * and nothing is left to do. */
bool fallback_instead(struct flush *flush);
/* This flush has ended: whether it reached its server is counted, and where it is out of
 * order now, its waiting mail moved. */
void fallback_afterwards(struct flush *flush);

#endif
