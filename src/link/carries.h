/*
 * What a call of a link carries, by what its last calls have shown: how long they stood,
 * and how fast mail went when one of them ended in the middle of a message. Pure: calls
 * in, numbers out. The policy is written in front of carries.c.
 */
#ifndef LINK_CARRIES_H
#define LINK_CARRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

#define CARRIES_CALLS 4 /* the last ones; older ones say nothing of today's line */

struct carries_call {
	int64_t since;        /* link_note's: which call it was */
	uint64_t stood_s;     /* at least */
	uint64_t bytes_per_s; /* that its mail took of the link; 0: no message was cut */
};

struct carries { /* valid when zeroed: nothing is known */
	struct carries_call calls[CARRIES_CALLS]; /* the oldest first */
	size_t count;
};

/* A flush has ended: what it has seen of its call so far. */
void carries_take(struct carries *carries, const struct carries_call *call);

struct carries_now {
	int64_t now;   /* wall clock seconds */
	int64_t since; /* of the call that stands; 0: none does */
};
struct carries_limit {
	uint64_t largest;     /* message that a call carries, bytes on the wire;
			       * LIMIT_NONE: nothing speaks against any */
	uint64_t stood_s;     /* the longest of the calls */
	uint64_t bytes_per_s; /* the best rate that was seen */
};
struct carries_limit carries_limit(const struct carries *carries,
				   const struct carries_now *now);
/* Seconds that a message takes; only with a limit. */
uint64_t carries_needs_s(const struct carries_limit *limit, uint64_t wire_bytes);

/* spool/state/carries/LINK@SMARTHOST, written by the holder of the smarthost's lock. What
 * cannot be read is a lost hint: nothing is known. */
void carries_read(int root_fd, const char *link, const char *smarthost,
		  struct carries *carries_out);
bool carries_write(int root_fd, const char *link, const char *smarthost,
		   const struct carries *carries, struct err *err) MUST_USE;

#endif
