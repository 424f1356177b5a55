/*
 * Pairs the lines of a mail log: matchup of qmailanalog. A message lives from `info msg`
 * to `end msg`, a delivery from `starting delivery` to `delivery N:`; what is told is
 * whole deliveries and whole messages.
 *
 * Numbers of messages and deliveries are used again, logs are rotated in the middle of
 * a message, servers are restarted: what has no beginning is told as far as it is known,
 * what has no end is not told.
 */
#ifndef REPORT_MATCH_H
#define REPORT_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

struct match; /* lines that wait for their counterparts */

struct match_message {
	bool is_known; /* `info msg` was seen: all of the below, else none */
	int64_t birth_ns;
	uint64_t bytes;
	const char *sender; /* without brackets, in lower case; borrowed */
	uint64_t qp, uid;
	uint64_t success, failure, deferral; /* its deliveries so far */
};

enum match_result {
	MATCH_SUCCESS,
	MATCH_FAILURE,
	MATCH_DEFERRAL,
};

struct match_delivery {
	enum match_result result;
	int64_t began_ns, done_ns; /* began 0: not known */
	const char *recipient; /* "local.ann@a" or "remote.bob@b", lower case; borrowed;
				* "": not known */
	struct span reason;
	struct match_message message;
};

/* Other lines that say how the server fares. */
enum match_note {
	MATCH_BOUNCE,        /* a bounce was sent */
	MATCH_TRIPLE_BOUNCE, /* one was thrown away */
	MATCH_ALERT,
	MATCH_WARNING,
};

/* All are called from match_line. */
struct match_handler {
	void (*on_message)(void *ctx, const struct match_message *message,
			   int64_t done_ns);
	void (*on_delivery)(void *ctx, const struct match_delivery *delivery);
	void (*on_note)(void *ctx, enum match_note note);
	void (*on_status)(void *ctx, uint64_t local, uint64_t remote);
};

/* handler must live as long. Free with match_free. */
struct match *match_new(const struct match_handler *handler, void *ctx) MUST_USE;
void match_free(struct match *match);

/* One line without its stamp and line end; ns 0: it had no stamp. Anything that is not of
 * the grammar is passed over. */
void match_line(struct match *match, int64_t ns, struct span line);

#endif
