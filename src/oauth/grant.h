/*
 * Asking a provider for tokens: a person's consent by the device flow (RFC 8628) or by a
 * code that he pastes (RFC 6749 4.1, RFC 7636), and new access tokens by the refresh
 * token (RFC 6749 6). Blocks.
 */
#ifndef OAUTH_GRANT_H
#define OAUTH_GRANT_H

#include "base/buf.h"
#include "control/login.h"
#include "oauth/reply.h"

/* For all: reply_out is to be cleared with oauth_reply_clear after true. */

/* Has device_code, user_code, verification_uri, interval and expires_in. */
bool oauth_device_begin(int control_fd, const struct login *login,
			struct oauth_reply *reply_out, struct err *err) MUST_USE;

enum oauth_poll {
	OAUTH_GRANTED, /* reply_out has the tokens */
	OAUTH_PENDING, /* the person is not ready: ask again after the interval */
	OAUTH_SLOWER,  /* ... which is five seconds longer from now on */
	OAUTH_FAILED   /* err; a temporary one may be asked again */
};
enum oauth_poll oauth_device_poll(int control_fd, const struct login *login,
				  const char *device_code, struct oauth_reply *reply_out,
				  struct err *err) MUST_USE;

/* The other way: a person opens the address, and the provider sends the browser on to
 * OAUTH_REDIRECT, where nobody listens; what it has in its address bar then is pasted. */
#define OAUTH_REDIRECT   "http://127.0.0.1/"
#define OAUTH_RANDOM_MAX 65
struct oauth_code {
	char state[OAUTH_RANDOM_MAX];
	char verifier[OAUTH_RANDOM_MAX];
};
bool oauth_code_begin(const struct login *login, struct oauth_code *code_out,
		      struct buf *address_out, struct err *err) MUST_USE;
/* pasted: that address, or the code alone. reply_out has the tokens. */
bool oauth_code_finish(int control_fd, const struct login *login,
		       const struct oauth_code *code, struct span pasted,
		       struct oauth_reply *reply_out, struct err *err) MUST_USE;

/* Has access_token, and perhaps a new refresh_token. The refresh token is worth nothing
 * any more: EX_NOPERM. */
bool oauth_refresh(int control_fd, const struct login *login, const char *refresh_token,
		   struct oauth_reply *reply_out, struct err *err) MUST_USE;

#endif
