/* What control/listen says on a new gateway. */
#ifndef PROGRAMS_LONTAR_INIT_LISTEN_H
#define PROGRAMS_LONTAR_INIT_LISTEN_H

#include "base/attr.h"
#include "base/buf.h"

/* For root: the well-known ports on all addresses (IPv6's where the kernel has it); for
 * others: high ones on loopback. */
bool init_listen_lines(struct buf *out) MUST_USE;

#endif
