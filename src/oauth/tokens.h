/*
 * The tokens of a login: spool/state/tokens/NAME, mode 0600, of the user that sends and
 * fetches; replaced atomically and durably, since a provider may give a new refresh token
 * with each use and then forget the old one. What may be shown of them is in a note
 * (link/notes.h). One process at a time: the others wait and find the token made.
 */
#ifndef OAUTH_TOKENS_H
#define OAUTH_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/login.h"
#include "oauth/reply.h"

struct tokens {
	char *refresh;
	char *access;         /* NULL: none */
	uint64_t accessuntil; /* wall clock seconds */
};

/* The lock, held until it is closed; the folder is made where it is missing. -1, err. */
int tokens_lock(int root_fd, const char *login, struct err *err) MUST_USE;

/* No login was made: EX_NOPERM. Clear with tokens_clear, which wipes them. */
bool tokens_read(int root_fd, const char *login, struct tokens *tokens_out,
		 struct err *err) MUST_USE;
void tokens_clear(struct tokens *tokens);

/* Keeps what the server gave: the old refresh token where it gave no new one. `first`: a
 * person has just logged in. */
bool tokens_keep(int root_fd, const struct login *login, struct tokens *tokens,
		 const struct oauth_reply *reply, bool first, struct err *err) MUST_USE;

/* An access token that is good for some minutes: the one that is kept, or a new one.
 * Caller frees (explicit_bzero first). NULL and err; EX_NOPERM: a person must log in. */
char *tokens_access(int root_fd, int control_fd, const struct login *login,
		    struct err *err) MUST_USE;

#endif
