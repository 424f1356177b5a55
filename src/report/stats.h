/*
 * What a mail log says of a stretch of time: qmailanalog's questions answered. Feed it
 * the lines of our own log, or of a qmail log as multilog, splogger, syslog or journald
 * stamped it, oldest first.
 *
 * Words, as in qmailanalog: a try is one attempt to deliver to one recipient; its xdelay
 * is how long it took; a success's ddelay is how long the recipient waited since the
 * message was taken in; a message's qtime is how long it was here. A message that parts
 * (mailboxes here, smarthosts there) is counted once for each part.
 */
#ifndef REPORT_STATS_H
#define REPORT_STATS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "report/counts.h"
#include "report/match.h"
#include "report/stamp.h"

struct stats {
	/* of completed messages */
	uint64_t messages, recipients, tries, bytes, success_bytes;
	uint64_t timed_messages;
	double qtime_s;
	/* of all tries */
	uint64_t success, failure, deferral;
	uint64_t timed_tries;
	double xdelay_s;
	float *ddelays_s; /* of successes */
	size_t ddelay_count, ddelay_room;
	/* of all lines */
	uint64_t lines, notes[MATCH_WARNING + 1];
	uint64_t most_local, most_remote; /* at once */
	int64_t first_ns, last_ns;        /* of tries; 0: none has a time */
	struct counts senders, recipients_by_name, hosts, uids;
	struct counts successes, failures, deferrals;
	/* how lines are read */
	struct stamp_reader stamps;
	struct match *match;
	struct buf cut; /* a line whose continuation may follow */
	int64_t cut_ns;
};

/* now_s: the wall clock, for stamps without a year. Clear with stats_clear. */
void stats_init(struct stats *stats, int64_t now_s);
void stats_clear(struct stats *stats);

/* One line, without its line end; must hold no NUL. */
void stats_line(struct stats *stats, struct span line);
/* After the last line. */
void stats_end(struct stats *stats);

/* stats_print.c, stats_json.c: */

/* table: one of the names that stats_tables gives, or NULL: the usual ones. top: at most
 * so many rows a table; 0: all. False: no such table. */
bool stats_print(struct stats *stats, const char *table, uint64_t top, FILE *to) MUST_USE;
/* Their names, separated by ", "; constant. */
const char *stats_tables(void);

/* Every table in one document. */
bool stats_print_json(struct stats *stats, uint64_t top, FILE *to,
		      struct err *err) MUST_USE;

#endif
