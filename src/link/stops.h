/*
 * What keeps mail of a smarthost back although it is its turn: spool/state/stops/NAME,
 * written by the holder of the smarthost's lock, read by whoever shows or plans. A stop
 * has a scope (the whole smarthost, one sender, one letter) and ends by itself: at the
 * next link-up, after `until`, when a file that it may depend on has changed, when the
 * clock is right; then one letter on one connection is the feeler. A person may end it at
 * once (lontar flush, lontar release).
 *
 * A torn or missing file is a lost hint: what it kept is tried again.
 */
#ifndef LINK_STOPS_H
#define LINK_STOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

#define STOP_REASON_MAX 512
#define STOP_KEY_MAX    340
#define STOPS_MAX       200 /* of senders and letters; the oldest go first */

struct stop {
	char scope[16]; /* account place login peer certificate clock network session:
			 * the whole smarthost, key ""; sender: key is his address;
			 * person: key is a letter's id */
	char key[STOP_KEY_MAX];
	int64_t since;  /* wall clock seconds */
	int64_t until;  /* wall clock seconds; 0: no time, only the other ends */
	uint64_t times; /* stopped so often in a row, this one counted */
	int64_t told;   /* the postmaster was told at this time; 0: not yet */
	uint64_t files; /* fingerprint of what it depends on (stops_fingerprint) */
	char what[64];  /* "daily limit of the provider" */
	char reason[STOP_REASON_MAX]; /* the server's words, or ours */
	char mend[300];               /* what a person may do; "": nothing but wait */
};

struct stops {
	struct stop *items;
	size_t count;
};

void stops_read(int root_fd, const char *smarthost, struct stops *stops_out);
bool stops_write(int root_fd, const char *smarthost, const struct stops *stops,
		 struct err *err) MUST_USE;
void stops_clear(struct stops *stops);

/* The stop of the whole smarthost, or of this sender or letter; NULL: none. Borrowed
 * until the next change. */
const struct stop *stops_smarthost(const struct stops *stops);
const struct stop *stops_find(const struct stops *stops, const char *scope,
			      const char *key);
/* Puts it in the place of the one with the same scope and key (of the whole smarthost
 * there is one at a time); `times` counts on, `told` and `since` are kept if the scope is
 * the same. */
void stops_put(struct stops *stops, const struct stop *stop);
void stops_remove(struct stops *stops, const char *scope, const char *key);

struct stops_now {
	int64_t now;        /* wall clock seconds */
	int64_t link_since; /* the link that serves it came up then; 0: none is up */
	uint64_t files;     /* the fingerprint as of now */
	bool clock_is_right;
};
/* It keeps its mail still: none of its ends has come. A login and an account do not end
 * at a link-up within their time (`until` is kept), so that no account locks. */
bool stop_holds(const struct stop *stop, const struct stops_now *now);

/* When it ends by itself, as far as it is known: wall clock seconds, 0: at the next
 * link-up. */
int64_t stop_ends(const struct stop *stop);

/* Of control/smarthosts/NAME, its secrets, its CA file and control/replies: changes when
 * one of them does. */
uint64_t stops_fingerprint(int control_fd, const char *smarthost);

#endif
