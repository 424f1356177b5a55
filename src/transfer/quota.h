/*
 * What one flush or pickup may still use of its link: bytes, until the link's budgets are
 * spent, and time, until the link must close. The module is pure: the caller passes in
 * the clock, the bytes that its connections have used and the rate that it has measured.
 *
 * Whether a worker may begin at all is decided by the program that starts it
 * (link/allowance.h). A quota answers two later questions. quota_room: may something of
 * this size still be begun? What no longer fits is left for another call, while smaller
 * things go on. quota_is_over: must the worker stop now, even in the middle of a message?
 * Retransmissions, or another worker on the same link, may bring that end early.
 */
#ifndef TRANSFER_QUOTA_H
#define TRANSFER_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limit.h"
#include "link/allowance.h"
#include "link/order.h"

#define QUOTA_NO_END INT64_MAX

struct quota {
	uint64_t most_bytes;   /* in all since the worker began; LIMIT_NONE */
	int64_t until;         /* wall clock seconds; QUOTA_NO_END */
	uint64_t closed_bytes; /* used by connections that are closed by now */
	uint64_t maxsize;      /* of one message, bytes on the wire; LIMIT_NONE */
	unsigned lowest;       /* the least priority (mail/priority.h) the link takes */
};

#define QUOTA_UNLIMITED                                                                \
	{                                                                              \
		.most_bytes = LIMIT_NONE, .until = QUOTA_NO_END, .maxsize = LIMIT_NONE \
	}

/* From the link that link_choose found; a choice that is not up sets no limits.
 *
 * The end of a window is not part of it: a person who asks opens a window, and for work
 * that the gateway starts by itself lontar-link sends the window's end (LINK_ALLOW)
 * before the worker reads its first packet. */
void quota_begin(struct quota *quota, const struct link_choice *choice);

/* LINK_ALLOW. True: there is more than before, so what did not fit may fit now. */
bool quota_allow(struct quota *quota, uint64_t most_bytes, int64_t until);

/* False: neither bytes nor time are limited. */
bool quota_is_bounded(const struct quota *quota);

/* Bytes used on the link since the worker began; open_bytes: by the connections that are
 * open (dial_used), likewise below. */
uint64_t quota_used(const struct quota *quota, uint64_t open_bytes);

/* How the link is used at the moment of a decision. */
struct quota_use {
	uint64_t open_bytes;
	uint64_t begun_bytes; /* that work already begun will still take, at most */
	uint64_t bytes_per_s; /* the rate of the link; 0: not known */
	int64_t now;          /* wall clock seconds */
	bool is_connected;    /* else a connection has to be paid for first */
};

/* Bytes of the link that may be begun now, beside what is begun; LIMIT_NONE: any number.
 * As long as the rate is not known, time alone limits nothing before its end. */
uint64_t quota_room(const struct quota *quota, const struct quota_use *use);
/* The same as what order_fits takes. */
struct order_limits quota_limits(const struct quota *quota, const struct quota_use *use);

/* True: nothing more may be sent or read; *why_out says which limit ended it, in words
 * for people. */
bool quota_is_over(const struct quota *quota, uint64_t open_bytes, int64_t now,
		   const char **why_out);

#endif
