/*
 * Passwords, one at a time: looked up here, compared in a child (a hash costs a tenth of
 * a second on purpose), answered after the delay that guessing has earned. The password
 * lives in the login, is wiped with it, and is written nowhere.
 */
#ifndef LONTAR_AUTH_LOGIN_H
#define LONTAR_AUTH_LOGIN_H

#include "programs/lontar-auth/auth.h"
#include "programs/lontar-auth/worker.h"

struct login_queue *login_queue_new(void) MUST_USE;

/* Sets session->login until worker_answer is called with the result, from the loop. */
void login_begin(struct auth *auth, struct session *session,
		 const struct auth_login *asked);
/* The session is gone: no answer; a comparison that runs still counts. */
void login_abandon(struct login *login);

#endif
