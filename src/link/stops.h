/*
 * What keeps mail of a smarthost back although it is its turn: spool/state/stops/NAME,
 * written by the holder of the smarthost's lock, read by whatever shows or plans. A stop
 * is about a scope: the whole smarthost, one sender, or one letter. Every stop but that
 * of a letter ends by itself: at the next link-up, after `until`, when a file that it
 * may depend on has changed, when the clock is right. Then one letter on one connection
 * is the feeler: if it is refused, the stop is put again and lasts longer; if it is
 * accepted, the holder of the lock removes the stop. A person may end it at once (lontar
 * flush, lontar release).
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
			 * the whole smarthost, key ""; sender: key is the address, ""
			 * for the null sender; person: key is a letter's id, or "" for
			 * the whole smarthost */
	char key[STOP_KEY_MAX];
	int64_t since;      /* wall clock seconds of the first stop in a row */
	int64_t until;      /* wall clock seconds; 0: only the other ends */
	int64_t link_since; /* `since` of the link over which the server spoke last; 0:
			     * none was up. Another link-up is an end */
	uint64_t times;     /* stopped so often in a row, this one counted */
	int64_t told;       /* the postmaster was told at this time; 0: not yet */
	uint64_t files;     /* stops_fingerprint() when it was put; 0: not known */
	char what[64];      /* "daily limit of the provider"; "": see report/why.h */
	char reason[STOP_REASON_MAX]; /* the server's words, or ours */
	char mend[300];               /* what a person may do, sentences; "": nothing */
};

struct stops { /* valid when zeroed: none */
	struct stop *items;
	size_t count;
};

void stops_read(int root_fd, const char *smarthost, struct stops *stops_out);
bool stops_write(int root_fd, const char *smarthost, const struct stops *stops,
		 struct err *err) MUST_USE;
void stops_clear(struct stops *stops);

/* Type mx: the process that sends to one host does not hold the lock. It reads how often
 * the answers to which letters were unclear, notes more of them and letters that it held,
 * and hands these over when it ends (all else in `stops` is removed). The holder of the
 * lock takes them over when it has gone. */
void stops_read_for_host(int root_fd, const char *smarthost, struct stops *stops_out);
bool stops_hand_over(int root_fd, const char *smarthost, const char *host,
		     struct stops *stops, struct err *err) MUST_USE;
void stops_take_over(int root_fd, const char *smarthost, const char *host,
		     struct stops *stops);

/* Two more scopes, whose key is a letter's id, keep nothing back and are not told to a
 * person: their `times` are what is wanted. suspect: the server hung up on the letter,
 * which goes last; unclear: its answers did not tell whether it took the letter. */
bool stop_is_only_counted(const struct stop *stop);
/* It is about all mail of the smarthost. */
bool stop_is_whole(const struct stop *stop);
/* The stop of the whole smarthost, or of this sender or letter; NULL: none. Borrowed
 * until the next change. Whether it still holds is not asked. */
const struct stop *stops_smarthost(const struct stops *stops);
const struct stop *stops_find(const struct stops *stops, const char *scope,
			      const char *key);
/* The server has refused: puts it in the place of the one with the same scope and key (of
 * the whole smarthost there is one at a time). `since` is now. If there was one of the
 * same scope, `times` counts on, and its `since` and `told` are kept. `until` 0 becomes
 * the usual wait (stop_usual_wait_s), so that no stop waits for a person alone. */
void stops_put(struct stops *stops, const struct stop *stop);
/* The same, but `times` and all else is what the new one says. */
void stops_replace(struct stops *stops, const struct stop *stop);
void stops_remove(struct stops *stops, const char *scope, const char *key);
/* A person wants all tried now: each stop but those of letters has come to its end. They
 * stay on record, so that a refusal counts on and is not told twice. */
void stops_end(struct stops *stops, int64_t now);
/* The same in the file. Only while nothing holds the smarthost's lock. */
bool stops_forgive(int root_fd, const char *smarthost, struct err *err) MUST_USE;
/* A person has held, released or dropped this letter: what the gateway noted of it is no
 * longer why it waits. Only for the holder of the lock. */
bool stops_forget_letter(int root_fd, const char *smarthost, const char *id,
			 struct err *err) MUST_USE;

struct stops_now {
	int64_t now;        /* wall clock seconds */
	int64_t link_since; /* the link that serves it came up then; 0: none is up */
	uint64_t files;     /* the fingerprint as of now */
	bool clock_is_right;
};
/* As it is at this moment; link_since as above. */
struct stops_now stops_now_of(int root_fd, int control_fd, const char *smarthost,
			      int64_t link_since);

/* It keeps its mail still: none of its ends has come. A login and an account do not end
 * at a link-up within their time (`until` is kept), so that no account locks. */
bool stop_holds(const struct stop *stop, const struct stops_now *now);

/* The stop that keeps this letter back now: that of the whole smarthost, of its sender,
 * or, if the letter is held, its own. NULL: none. */
const struct stop *stops_keeping(const struct stops *stops, const struct stops_now *now,
				 const char *sender, const char *id, bool is_held);

/* A stop of the whole smarthost holds now, by the link that serves it best. It goes to
 * *stop_out, which may be NULL. Costs one open() while there are no stops. */
bool smarthost_is_stopped(int root_fd, int control_fd, const char *smarthost,
			  struct stop *stop_out);

/* When it ends by itself, as far as it is known: wall clock seconds, 0: at the next
 * link-up (for a letter: not at all). */
int64_t stop_ends(const struct stop *stop);
/* A link-up ends it too, before its time. */
bool stop_ends_with_link(const struct stop *stop, int64_t now);

/* How long a stop of this scope lasts that was put `times` times in a row, if the server
 * did not say: seconds; 0: it does not end by time. */
uint32_t stop_usual_wait_s(const char *scope, uint64_t times);

/* Of control/smarthosts/NAME, the files it names, smtproutes and control/replies: the
 * newest change (st_ctim) in nanoseconds, so that it grows when one of them changes. A
 * process that may not see one of them gets a smaller number and no false alarm. */
uint64_t stops_fingerprint(int control_fd, const char *smarthost);

#endif
