/*
 * What one call learns of a smarthost's server for the next: its addresses, in the
 * smarthost's note, so that a name server that is slow or down costs nothing; and a TLS
 * session, in spool/state/tickets/NAME, which saves a turn of the handshake.
 */
#ifndef LONTAR_FLUSH_SERVER_H
#define LONTAR_FLUSH_SERVER_H

#include <stdbool.h>

#include "base/buf.h"

struct dial;
struct flush;
struct resolve;

struct server {
	struct resolve *refresh; /* the addresses are asked for anew meanwhile */
	bool known;              /* the addresses in the note may be used at once */
	struct buf ticket;       /* the newest; a secret */
	bool learnt;             /* this one is not on disk yet */
};

/* Before the first connection. */
void server_recall(struct flush *flush);
/* Those to connect to at once; NULL: ask for them. Borrowed until they change. */
const char *server_addresses(const struct flush *flush);
/* Nobody is there: they are asked for from now on. */
void server_forget_addresses(struct flush *flush);
/* A connection is ready, or ends. */
void server_learn(struct flush *flush, const struct dial *dial);
/* After the last connection: what was learnt goes to disk, but for the note. */
void server_keep(struct flush *flush);

#endif
