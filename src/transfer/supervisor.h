/*
 * The program that supervises a worker: lontar-link, or `lontar flush` and `lontar
 * pickup` if no gateway runs. It is at the other end of the socket PRIVATE_FD and
 * speaks the second half of ipc/link.h. A flush or pickup tells it what it has done so
 * far and how it ended; the supervisor stops it, limits it, wakes it up, and passes on
 * what an operator wants done with a message.
 *
 * The object exists even if the worker was started by hand and PRIVATE_FD is no socket:
 * then nothing is sent and no call-back is called, and the caller need not ask.
 */
#ifndef TRANSFER_SUPERVISOR_H
#define TRANSFER_SUPERVISOR_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "ipc/link.h"

/* What the worker does with each request. All are called from the loop. A request whose
 * function is NULL is refused: the channel is closed, as for a packet that makes no
 * sense. */
struct supervisor_handler {
	/* LINK_STOP, or the channel was closed: be gone within two seconds. why: for
	 * people; borrowed for the call. */
	void (*on_stop)(void *ctx, const char *why);
	/* LINK_ALLOW: see quota_allow. */
	void (*on_limit)(void *ctx, uint64_t most_bytes, int64_t until);
	/* LINK_NUDGE: there is more to do. */
	void (*on_wakeup)(void *ctx);
	/* LINK_ACT: hold, release, first or drop of the message with this id. The answer
	 * is err's exit code and text. */
	bool (*on_action)(void *ctx, const char *verb, const char *id, struct err *err);
};

struct supervisor;

/* handler and ctx are borrowed until supervisor_close. */
struct supervisor *supervisor_open(struct ev_loop *loop,
				   const struct supervisor_handler *handler, void *ctx);
/* False: the worker was started by hand, or its supervisor is gone. */
bool supervisor_is_there(const struct supervisor *supervisor);

/* Each is queued and returns at once. */
void supervisor_progress(struct supervisor *supervisor,
			 const struct link_progress *progress);
/* Everything is sent; the worker leaves soon unless it is woken up. */
void supervisor_idle(struct supervisor *supervisor);
/* New routes moved mail to this smarthost, which needs a flush of its own. */
void supervisor_moved(struct supervisor *supervisor, const char *smarthost);
/* The last word: how it ended. After this no call-back is called. */
void supervisor_done(struct supervisor *supervisor, int exit_code, const char *text);

/* Drops what the socket had no room for: let the loop run once before (transfer_end).
 * NULL does nothing. Not from within a call-back. */
void supervisor_close(struct supervisor *supervisor);

#endif
