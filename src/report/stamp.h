/*
 * When a log line was written: the stamps that the loggers of mail servers put in front.
 *
 *   @400000006923...      TAI64N: multilog, our own log/
 *   859340000.123456      seconds: splogger, accustamp, tai64nfrac, journald's short-unix
 *   Nov 22 18:42:55 HOST PROGRAM[PID]:           syslog, journald; local time, no year
 *   2026-11-22T18:42:55.1+0000 HOST PROGRAM:     journald's short-iso, rsyslog
 *   2026-11-22 18:42:55.1                        tai64nlocal; local time
 *   2026-11-22_18:42:55.1                        svlogd -tt; UTC
 *
 * Several may follow each other (splogger's in syslog's); the last one counts.
 */
#ifndef REPORT_STAMP_H
#define REPORT_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct stamp_reader {
	int64_t now_s; /* the wall clock: tells the year where a stamp has none */
	/* The hour that was read last: mktime is slow. */
	int hour[5];
	int64_t hour_began_s;
};

struct stamp {
	int64_t ns;     /* since 1970, UTC; 0: the line has none */
	bool continues; /* splogger cut a long line; this goes behind the last one's text
			 */
};

/* Takes stamps, and syslog's host and program, off the front of *line. */
struct stamp stamp_take(struct stamp_reader *reader, struct span *line);

#endif
