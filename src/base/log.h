/*
 * The log: one event a line on stderr, for programs only (libraries return an err).
 *
 * What became of a message keeps qmail's grammar ("new msg 12", "end msg 12"); everything
 * else is a word and key=value pairs ("parked smarthost=isp id=..."). Bytes that could
 * forge or break a line (controls, DEL and beyond) are written as "?", and a line is cut
 * at LOG_LINE_MAX. Under inetd, where stderr is the client's connection, it goes to
 * syslog.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

#define LOG_LINE_MAX 1000

enum log_level {
	LOG_LEVEL_ERROR,   /* a person must act */
	LOG_LEVEL_WARNING, /* mail is delayed */
	LOG_LEVEL_INFO,    /* what became of a message */
	LOG_LEVEL_DEBUG,   /* protocol trace, credentials masked */
};

/* The program's name, which stands in front of warnings and errors, and in ps. Level:
 * INFO, or DEBUG when the environment has LONTAR_DEBUG. */
void log_open(const char *program);

void log_error(const char *fmt, ...) PRINTF(1, 2);
void log_warning(const char *fmt, ...) PRINTF(1, 2);
void log_info(const char *fmt, ...) PRINTF(1, 2);
void log_debug(const char *fmt, ...) PRINTF(1, 2);

/* An err, once, where it is decided upon: temporary as a warning, permanent as an error.
 */
void log_failure(const struct err *err);

/* Whole lines go there from now on instead of to stderr; NULL: to stderr again. */
void log_divert(void (*sink)(const char *bytes, size_t len));

/* Between hold and release lines are gathered and written with one write, in order. */
void log_hold(void);
void log_release(void);

/* For qmail's grammar: text as one blank-free token (5.6: LF to "/", other bytes below
 * 33, above 126 and "%" to "_"). Writes at most room - 1 bytes. */
const char *log_token(const char *text, char *token_out, unsigned room);

#endif
