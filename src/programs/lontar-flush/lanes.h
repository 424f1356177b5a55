/*
 * The connections of a flush, side by side. Where the server offers CHUNKING one fills
 * any link; without it each message costs a round trip of its connection, so that a long
 * link wants several: as many as round trip and rate ask for (link/pace.h), begun one
 * after the other as these become known, or at once where the last call over the same
 * link found them.
 *
 * All take from the one queue. One that the server refuses, or ends, while others stand
 * is no failure of theirs: the server takes no more than those.
 */
#ifndef LONTAR_FLUSH_LANES_H
#define LONTAR_FLUSH_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "link/bind.h"
#include "link/notes.h"
#include "link/pace.h"

struct flush;
struct session;
struct smtp_offer;

struct lanes {
	struct session *first;
	struct pace pace;
	unsigned limit; /* the server takes no more at a time; 0: that is not known */
	unsigned begin; /* at once, before anything is known of the server */
	unsigned most;  /* were at work at a time */
	unsigned turns; /* round trips a message without sending; 0: one lane is enough */
	struct link_note link; /* over which they go; no name: none is known to be up */
	char bind_to[LINK_BIND_MAX]; /* "": any interface; see net/dial.h */
	char *secret;                /* of the login, once for all; NULL: none */
};

/* By the note, what earlier calls over this link found. */
void lanes_recall(struct flush *flush);
/* Begins to connect. False and err: our own settings or secret are not right. */
bool lanes_start(struct flush *flush, struct err *err) MUST_USE;
/* The secret is there, or will not come. */
void lanes_begin(struct flush *flush);
void lanes_give_up(struct flush *flush, const struct err *err);
/* Begins what may begin and writes what can be written, on all. */
void lanes_go_on(struct flush *flush);
/* More of them, where that helps. */
void lanes_grow(struct flush *flush);
/* The server's addresses have changed while none is connected. */
void lanes_redial(struct flush *flush);
/* Ends all: see session_close. */
void lanes_close(struct flush *flush);

/* Connected ones. */
unsigned lanes_connected(const struct flush *flush);
/* Nothing is begun and nothing is left to write on any. */
bool lanes_are_drained(const struct flush *flush);
/* Messages begun and not answered. */
size_t lanes_unanswered(const struct flush *flush);
bool lanes_has(const struct flush *flush, const char *id);
/* Body bytes of unanswered messages given to the kernel, for progress. */
uint64_t lanes_bytes_out(const struct flush *flush);

/* Bytes used on the link by those that stand. */
uint64_t lanes_used(const struct flush *flush);
/* Bytes of the link that what is begun still takes, at most. */
uint64_t lanes_begun_cost(const struct flush *flush);

/* What the next call can begin with. */
void lanes_note(const struct flush *flush, struct smarthost_note *note);

/* For the sessions: one is ready, with what the server offers; one is gone, and whether
 * mail has become uncertain of it. */
void lanes_ready(struct flush *flush, const struct smtp_offer *offer);
void lanes_lost(struct flush *flush, const struct err *err, bool uncertain);

#endif
