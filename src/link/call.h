/* A call of a link: `lontar call` holds run/call.NAME from dialling to hanging up. */
#ifndef LINK_CALL_H
#define LINK_CALL_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/* Takes it, without waiting; held by another: EX_TEMPFAIL. The descriptor, to be closed
 * when the call is over, or -1 and err. */
int link_call_take(int root_fd, const char *link, struct err *err) MUST_USE;

/* Somebody holds it. */
bool link_is_called(int root_fd, const char *link);

#endif
