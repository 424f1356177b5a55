/* A name that control/accounts does not know, asked of lontar-checkpw: one process an
 * attempt, started by the master, since it has rights that we do not have. */
#ifndef LONTAR_AUTH_HELPER_H
#define LONTAR_AUTH_HELPER_H

#include "programs/lontar-auth/auth.h"

struct helper;

/* Calls done once, from the loop: LATER where no answer comes in time. ctx must live
 * until then; user and password are copied. */
void helper_ask(struct auth *auth, const char *user, const char *password,
		void (*done)(void *ctx, enum auth_verdict verdict), void *ctx);

#endif
