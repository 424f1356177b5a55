/*
 * What an operator does to parked mail: hold, release, first, drop. The lock's holder
 * does it: the flusher at work (lontar-link hands it on), else whoever calls
 * operator_act.
 */
#ifndef DELIVER_OPERATOR_H
#define DELIVER_OPERATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "store/parked.h"

/* Applies `verb` (hold, release, first, drop, drop-silent) to one message. With the lock
 * held; on success *name says what it is now, or, after a drop, *gone_out is its number
 * in the log, else 0. Drop bounces to the sender first, unless silent. EX_TEMPFAIL: it is
 * being sent just now. EX_USAGE: no such verb. */
bool operator_apply(int root_fd, struct parked *parked, struct parked_name *name,
		    const char *verb, uint64_t *gone_out, struct err *err) MUST_USE;

/* The same by id, taking the lock itself; gone_out may be NULL. EX_NOINPUT: no such
 * message. */
bool operator_act(int root_fd, const char *smarthost, const char *verb, const char *id,
		  uint64_t *gone_out, struct err *err) MUST_USE;

#endif
