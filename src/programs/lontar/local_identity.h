/*
 * Who a local delivery runs as. lontar-dispatch asks with "account:USER" (root who may
 * become others, until it has become the mail tree's own user: lontar-local/runner.h),
 * "alias:alias" (user alias, else nobody) or "system:LOCALPART", whose user is looked up
 * here, so that it cannot name one; root is never the answer to the last two.
 */
#ifndef PROGRAMS_LONTAR_LOCAL_IDENTITY_H
#define PROGRAMS_LONTAR_LOCAL_IDENTITY_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "programs/lontar/privilege.h"

bool local_order_is_valid(const char *order);

/* lontar-auth asks for a mailbox with "USER", an account, or "system:USER". */
bool mailbox_order_is_valid(const char *order);
bool mailbox_order_is_system(const char *order);

/* False and err: there is no such user, or we may not become him. */
bool local_identity(int control_fd, const char *order, struct identity *identity_out,
		    struct err *err) MUST_USE;

#endif
