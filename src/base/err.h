/*
 * A failure: what kind it is, its mail status and its story.
 *
 * A function that can fail returns bool (or a pointer) and takes `struct err *err`
 * last. False (NULL) means err is filled, and nothing else. Who fails says what
 * ("create tmp/123: No space left on device"); a caller that knows more puts it in
 * front with err_context, so the text reads outside in. Filling an err allocates
 * nothing and cannot fail. Libraries never log and never exit: programs do, once.
 *
 * Whatever is not known to be final is temporary: the mail stays.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <sysexits.h>

#include "base/attr.h"

enum err_kind {
	ERR_NONE,
	ERR_TEMPORARY, /* keep the mail and try again later */
	ERR_PERMANENT, /* trying again cannot help: refuse or bounce */
};

#define ERR_EXISTS 73 /* EX_CANTCREAT: `lontar init` on an existing root */

struct err {
	enum err_kind kind;
	int exit_code; /* for a program that ends of it; 0: by kind, see err_exit_code */
	char status[12]; /* RFC 3463, as "4.2.2"; empty when not about mail */
	char text[512];
};

/* All return false, so that a caller can write `return err_temporary(...)`. */
bool err_temporary(struct err *err, const char *status, const char *fmt, ...)
	PRINTF(3, 4);
bool err_permanent(struct err *err, const char *status, const char *fmt, ...)
	PRINTF(3, 4);

/* Kind and status from errno ("fmt: No such file..."); unknown errnos are temporary. */
bool err_errno(struct err *err, const char *fmt, ...) PRINTF(2, 3);

/* A failure of a command line or a setting: permanent, exit code from sysexits.h. */
bool err_exit(struct err *err, int exit_code, const char *fmt, ...) PRINTF(3, 4);

/* Puts "fmt: " in front of the text. Kind, status and exit code stay. */
bool err_context(struct err *err, const char *fmt, ...) PRINTF(2, 3);

/* 0 for none, exit_code where set, else 75 (temporary) or 69 (permanent). */
int err_exit_code(const struct err *err);

#endif
