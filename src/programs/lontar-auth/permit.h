/* AUTH_HELLO to AUTH_PERMIT: is this client served, and how? */
#ifndef LONTAR_AUTH_PERMIT_H
#define LONTAR_AUTH_PERMIT_H

#include <stdbool.h>

#include "base/buf.h"
#include "programs/lontar-auth/auth.h"

/* Writes the AUTH_PERMIT into out. True: he is admitted and counted, until
 * remotes_leave. */
bool permit(struct auth *auth, const char *service, const char *remote_ip, uint32_t tag,
	    struct buf *out);

/* The settings as they are now, looked at once a second at most; where they are wrong,
 * as they last were right, and the log says so. */
const struct settings *current_settings(struct auth *auth);

#endif
