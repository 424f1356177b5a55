/*
 * What was learnt of a server and is worth knowing for weeks: which of its offers do not
 * work, how much one connection carries, how it was protected. spool/state/peers/NAME for
 * a smarthost; NAME@HOST for a mail host that a smarthost of type mx sends to. Written by
 * the process that talks to the server. A torn or missing file is a lost hint.
 */
#ifndef LINK_PEER_MEMORY_H
#define LINK_PEER_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/* An offer that failed is tried again after four weeks. */
#define PEER_MEMORY_S ((int64_t)28 * 86400)

enum peer_tls { /* how a connection is protected, from less to more */
	PEER_TLS_NONE,
	PEER_TLS_ENCRYPTED,
	PEER_TLS_NAMED, /* the certificate was verified and names the host */
};

struct peer_memory { /* valid when zeroed: nothing is known; times: wall clock seconds */
	int64_t no_chunking_until;
	int64_t no_pipelining_until;
	bool pipelining_worked;  /* two commands sent together were both answered */
	bool chunking_worked;    /* a body by BDAT was answered */
	char mechanism[24];      /* by which a login worked last; "": none */
	int64_t login_worked;    /* at this time last; 0: never */
	uint64_t per_connection; /* messages after which it hangs up; 0: not known */
	uint64_t recipients;     /* it takes in one transaction; 0: not known */
	int64_t limits_until;    /* the two above are tried out anew then */
	uint64_t tls;            /* enum peer_tls, the best seen */
	int64_t rate_since;      /* the period of the smarthost's rate that is counted */
	uint64_t rate_count;     /* messages in it */
};

/* host: NULL for a smarthost with one host. */
void peer_memory_read(int root_fd, const char *smarthost, const char *host,
		      struct peer_memory *memory_out);
bool peer_memory_write(int root_fd, const char *smarthost, const char *host,
		       const struct peer_memory *memory, struct err *err) MUST_USE;

/* Mail hosts that this smarthost of type mx has not spoken to for PEER_MEMORY_S. */
void peer_memory_forget_old(int root_fd, const char *smarthost, int64_t now);

#endif
