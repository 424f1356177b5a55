/*
 * What all services say, in one place: as it is on stderr, and with a TAI64N stamp in
 * log/current, which is rotated by size as multilog does: log/current is being written,
 * log/@STAMP.s are the older ones, HISTORY_FILES in all.
 * A log that cannot be written never stops the mail.
 */
#ifndef PROGRAMS_LONTAR_HISTORY_H
#define PROGRAMS_LONTAR_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

#define HISTORY_FILES 10
#define HISTORY_BYTES ((size_t)1024 * 1024)

/* Makes log/ if need be. One a process; without it, or with on_stderr, lines go to stderr
 * too. */
bool history_open(int root_fd, bool on_stderr, struct err *err) MUST_USE;
void history_close(void);

/* Whole lines, each ending in LF. Fits log_divert. */
void history_write(const char *lines, size_t len);

/* "@" and 24 hex digits (libtai; qmail's tools read it). */
#define HISTORY_STAMP_MAX 26
const char *history_stamp(int64_t wall_us, char text_out[HISTORY_STAMP_MAX]);

#endif
