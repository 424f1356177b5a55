/*
 * What stands in a .qmail file, line by line (dot-qmail(5)):
 *
 *   # anything       a comment
 *   |command         a program
 *   ./Name/ /Name/   a Maildir;  ./Name /Name: an mbox
 *   &address         forward, or without the "&" where it begins like an address
 *   +list            from here on only forwards may follow; other "+" lines: reserved
 *
 * Blanks at the end of a line do not count, nor does a CR. An empty line is ignored,
 * but not as the first one: there it is a mistake that must not throw mail away.
 */
#ifndef DELIVER_QMAIL_FILE_H
#define DELIVER_QMAIL_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"

enum qmail_kind {
	QMAIL_FORWARD,
	QMAIL_PROGRAM,
	QMAIL_MAILDIR,
	QMAIL_MBOX,
};

struct qmail_line {
	enum qmail_kind kind;
	unsigned number; /* in the file, from 1 */
	char *text;      /* the address, the command, or the path as it stands there */
};

struct qmail_file { /* valid when zeroed: no lines, which delivers to nobody */
	struct qmail_line *lines;
	size_t count;
};

/* forward_only: any other line is refused. An err is temporary (4.3.5), names the line,
 * and leaves nothing to clear. */
bool qmail_file_parse(struct span text, bool forward_only, struct qmail_file *file_out,
		      struct err *err) MUST_USE;
void qmail_file_clear(struct qmail_file *file);

#endif
