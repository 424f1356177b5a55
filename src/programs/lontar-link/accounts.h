/*
 * What is used of each link, and who is at work on it. Counts (link/ledger.h) at each
 * second of use, tells workers what is left to them (ipc/link.h, LINK_ALLOW), stops them
 * where a window closes or a budget ends, and says when a link may be used again.
 */
#ifndef LONTAR_LINK_ACCOUNTS_H
#define LONTAR_LINK_ACCOUNTS_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "ipc/link.h"
#include "ipc/peer.h"
#include "link/allowance.h"
#include "link/change.h"
#include "programs/lontar-link/links.h"

struct account;

/* One flush or pickup at work: a part of it, from use_begin to use_end. */
struct use {
	struct use *next;
	enum link_use kind;
	const char *name; /* borrowed */
	bool by_person;   /* asked for it: a closed window does not stop it */
	struct peer *peer;
	/* Stops it. moves: another link may be used for it, on which it begins anew. */
	void (*stop)(void *ctx, const char *why, bool moves);
	void *ctx;
	/* The accounts' own: */
	char link[SMARTHOST_NAME_MAX]; /* "": none that is up serves it */
	uint64_t used_bytes;           /* by its own word, since it began */
	uint64_t most_bytes;           /* what it was told last */
	int64_t until;
	bool stopped;
};

struct accounts {
	struct ev_loop *loop;
	int root_fd;
	int control_fd;
	struct links *links;
	struct account *first;
	struct use *uses;
	ev_timer turn;
	/* A link that is up may be used again, or for more. */
	void (*on_open)(void *ctx);
	void *ctx;
};

/* loop to links, on_open and ctx are set. Every link that is up is looked at. */
void accounts_open(struct accounts *accounts);
/* Time has passed, or mail was sent: what may be used now? */
void accounts_look(struct accounts *accounts);
/* Files may have changed: what is at work and may no longer go over its link, or only in
 * smaller letters, begins anew where it may. */
void accounts_reload(struct accounts *accounts);
/* Whatever is at work on the link begins anew on the one that took its place. */
void accounts_leave(struct accounts *accounts, const char *link);
void accounts_close(struct accounts *accounts);

/* A link's note is about to change; what was used until now is counted. */
void accounts_before(struct accounts *accounts, const struct link_note *note);
/* It has; told: by its hook, of the call that is over. */
void accounts_after(struct accounts *accounts, const struct link_note *note,
		    const struct link_call *told);

/* Whether one may be begun now, for the gateway or, by_person, for somebody who asks.
 * False and, in words for him, EX_TEMPFAIL. */
bool accounts_allow(struct accounts *accounts, const struct use *use,
		    struct err *err) MUST_USE;

/* It has been begun: peer and the rest above `link` are set. */
void use_begin(struct accounts *accounts, struct use *use);
void use_progress(struct accounts *accounts, struct use *use,
		  const struct link_progress *progress);
void use_end(struct accounts *accounts, struct use *use);

/* Its own link, where it has one, is down and no other may be used for it; else it is of
 * the other from now on. */
bool use_is_cut(struct accounts *accounts, struct use *use);

#endif
