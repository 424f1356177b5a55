/*
 * One flush: everything that is parked for one smarthost. The parts know it as the place
 * where they meet:
 *
 *   queue    which message is next, and what its file is called meanwhile
 *   mail     one message: opened, measured, encoded piece by piece
 *   lanes    the connections side by side: how many
 *   meter    what the link may be used for, and is
 *   server   what is known of the far end from earlier calls
 *   session  one connection: engine, socket, what has left the kernel
 *   direct   type mx: many hosts, a process of ours for each (destination)
 *   outcome  what the server's answers mean for mail and smarthost
 *   boss     lontar-link, or `lontar flush`, at the other end of PRIVATE_FD
 */
#ifndef LONTAR_FLUSH_FLUSH_H
#define LONTAR_FLUSH_FLUSH_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "control/rewrites.h"
#include "control/settings.h"
#include "control/smarthost.h"
#include "ipc/peer.h"
#include "ipc/token.h"
#include "link/notes.h"
#include "store/parked.h"

#include "programs/lontar-flush/lanes.h"
#include "programs/lontar-flush/mail.h"
#include "programs/lontar-flush/meter.h"
#include "programs/lontar-flush/queue.h"
#include "programs/lontar-flush/server.h"

struct destination;
struct direct;

struct tally {
	uint64_t sent; /* messages, all recipients accepted or told */
	uint64_t sent_bytes;
	uint64_t refused;
	uint64_t deferred;
	uint64_t deliveries; /* for the log's numbers */
	uint64_t under_way;  /* of them: begun, and not ended */
};

struct flush {
	struct ev_loop *loop;
	int root_fd;
	int control_fd;
	struct settings settings;
	struct smarthost smarthost;
	struct rewrites rewrites;
	struct smarthost_note note;
	struct parked *parked;
	struct queue queue;
	struct lanes lanes;
	struct meter meter;
	struct server server;
	struct token token;              /* the login's, where a command makes it */
	struct direct *direct;           /* NULL: one smarthost takes all; else ... */
	struct destination *destination; /* ... NULL, but in the process for one host */
	struct mail *suspended; /* refused for good while nothing was accepted: see
				 * outcome.c */
	bool accepted;          /* this session had something accepted */
	unsigned begun_anew; /* messages begun anew because the server was out of step */
	bool stopping;       /* nothing new is begun ... */
	bool cut;            /* ... nor written */
	bool held;           /* by this flush */
	bool connected;      /* was at any time */
	bool lost;           /* the connection, before all was answered */
	bool look;           /* list anew */
	bool listed;         /* at least once */
	uint64_t listed_after; /* so many deliveries, when all seemed done */
	bool locked;           /* this Maildir is ours */
	bool is_destination;   /* see destination */
	bool all_due;          /* also what waits for its next attempt */
	bool alone;            /* no gateway: leave as soon as all is done */
	int64_t call_began;
	struct err why;  /* what keeps mail here, the first of it */
	struct err kept; /* else the link's limits do */
	struct tally tally;
	const char *doing;
	struct peer *master;
	struct peer *boss; /* NULL: nobody is told */
	ev_timer progress; /* four times a second */
	ev_timer sync;     /* each second */
	ev_timer again;    /* at once, from the loop */
	ev_timer leave;    /* idle for a while, or told to stop */
	ev_signal term;
};

/* Opens what it needs and begins to send. False and err: it cannot, or need not (EX_OK:
 * nothing is due). */
bool flush_begin(struct flush *flush, const char *name, struct err *err) MUST_USE;
/* After the loop: puts everything where it belongs and says how it ended. */
int flush_finish(struct flush *flush, const struct err *err);

/* For the parts: */

/* Leaves the loop. */
void flush_end(struct flush *flush);
/* Nothing new is begun; within two seconds it is over. */
void flush_stop(struct flush *flush, const char *why);
/* Nothing more is written, not even the rest of a message: the link may be used no
 * longer. */
void flush_cut(struct flush *flush, const char *why);
/* The first reason why mail stays is the one that is told. */
void flush_blame(struct flush *flush, const struct err *err);
/* Nothing can be sent over this smarthost until a person has acted: it is held, and this
 * flush ends when what it began is answered. */
void flush_hold(struct flush *flush, const struct err *err);
/* New mail may be there, or a message changed hands: lists anew, soon. */
void flush_look_again(struct flush *flush);
/* Nothing is begun and nothing more can be. */
void flush_drained(struct flush *flush);

/* Puts mail under the smarthost that the present routes name, once after a change. */
bool reroute(struct flush *flush, struct err *err) MUST_USE;

#endif
