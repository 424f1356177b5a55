/*
 * What a link has used: bytes, seconds, money and calls of the present day, week and
 * month, and of the present call; kept in spool/state/usage/NAME.
 *
 * Clocks step. What was used counts in the latest period that was ever seen: where the
 * clock shows an earlier one, it goes on counting there, so that a machine that starts in
 * 1970 each time is given nothing twice; and after one period's length of such running
 * the clock is believed, so that a link is not closed until 2038.
 *
 * Power fails. The file is written twice, in turn (NAME, NAME~): where one is torn the
 * other is a second older. Where both are, the present periods count as used up: a person
 * who knows better removes them. A month that nobody counted is nobody's to give away.
 */
#ifndef LINK_USAGE_H
#define LINK_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/linkfile.h"

#define USAGE_UNKNOWN UINT64_MAX /* used: nobody knows, so all of it */

struct usage_period {
	int64_t first_day; /* link/period.h; 0: nothing was used yet */
	uint64_t used[LINK_UNITS];
	uint64_t carried[LINK_UNITS]; /* left over, where a budget carries that */
	uint64_t ahead_s; /* seconds of running since the clock shows an earlier one */
};

/* The call under way, or the last one. */
struct usage_call {
	int64_t since; /* link_note's: which one it is; 0: none yet */
	bool over;
	bool told;      /* bytes is what its hook said, and no more comes to it */
	uint64_t bytes; /* used in it; these two are all that is corrected at its end */
	uint64_t seconds;
};

/* How far has been counted, under which boot. */
struct usage_counted {
	char boot_id[40];
	int64_t ms;               /* monotonic */
	uint64_t interface_bytes; /* as the kernel counts them; */
	bool has_interface;       /* where it does */
};

struct usage { /* valid when zeroed: nothing is used */
	uint64_t serial;
	bool damaged; /* both files were; see usage_turn */
	struct usage_period periods[LINK_PERIODS];
	struct usage_call call;
	struct usage_counted counted;
};

void usage_read(int root_fd, const char *link, struct usage *usage_out);
/* There is a file. */
bool usage_is_kept(int root_fd, const char *link);
/* Durable when it returns. */
bool usage_write(int root_fd, const char *link, struct usage *usage,
		 struct err *err) MUST_USE;

/* The periods as of now (wall clock seconds): those that are over begin anew, and what
 * budgets of the file carry is carried. */
void usage_turn(struct usage *usage, const struct linkfile *file, int64_t now);

/* The gateway has run for so many seconds; to be told at least each few minutes. */
void usage_pass(struct usage *usage, const struct linkfile *file, int64_t now,
		uint64_t seconds);

/* A call begins; since: as link_note has it. */
void usage_begin_call(struct usage *usage, const struct linkfile *file, int64_t now,
		      int64_t since);

/* The call has come to so much by now, or, where that is less than was thought, has not:
 * the difference goes into all periods, with what it costs. */
void usage_set_call(struct usage *usage, const struct linkfile *file, int64_t now,
		    uint64_t bytes, uint64_t seconds);

#endif
