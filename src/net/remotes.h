/*
 * What is remembered of each remote address: how many connections it has, how fast new
 * ones came, and how often it named a wrong password. Bounded, in memory only; no clock:
 * now_ms is any clock that never goes back.
 */
#ifndef NET_REMOTES_H
#define NET_REMOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct remotes;

struct remotes *remotes_new(void) MUST_USE;
void remotes_free(struct remotes *remotes);

struct remotes_limits {
	uint64_t total;       /* connections at once */
	uint64_t per_address; /* of these, of one address */
	uint64_t per_minute;  /* new ones of one address; 0: any number */
};

enum remotes_verdict {
	REMOTES_ADMITTED, /* and counted, until remotes_leave */
	REMOTES_TOTAL,    /* which of the limits stands against it; nothing is counted */
	REMOTES_PER_ADDRESS,
	REMOTES_PER_MINUTE,
};

/* ip: an address as text; texts that are none count together as one. */
enum remotes_verdict remotes_admit(struct remotes *remotes, const char *ip,
				   const struct remotes_limits *limits,
				   int64_t now_ms) MUST_USE;
void remotes_leave(struct remotes *remotes, const char *ip);
size_t remotes_connections(const struct remotes *remotes);

/* A login is tried. False, and not counted: this address has been wrong several times and
 * is already trying several passwords at once. Every true is followed by one
 * remotes_login_end. */
bool remotes_login_begin(struct remotes *remotes, const char *ip,
			 int64_t now_ms) MUST_USE;

enum remotes_login {
	REMOTES_LOGIN_RIGHT,  /* its failures are forgotten */
	REMOTES_LOGIN_WRONG,  /* one more failure */
	REMOTES_LOGIN_UNTOLD, /* given up, or nobody could say */
};

/* For how many ms the answer is to be held back: 2, 4, 8, then 15 s after failures, also
 * of a right password among them, so that a guesser gains nothing by hanging up early. An
 * address without failures for ten minutes starts anew. */
int remotes_login_end(struct remotes *remotes, const char *ip, enum remotes_login how,
		      int64_t now_ms);

#endif
