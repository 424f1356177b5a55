/*
 * control/alias/: .qmail-NAME files of addresses that mail for NAME is forwarded to (one
 * a line, "&" in front or not; "#" comments). For a-b the search goes .qmail-a-b,
 * .qmail-a-default, .qmail-default; dots in NAME are colons in the file's name.
 */
#ifndef DELIVER_ALIAS_H
#define DELIVER_ALIAS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "mail/maildir.h"

struct alias_found {
	char name[MAILDIR_NAME_MAX]; /* of the file below alias/; "" where there is none
				      */
};

/* name: lower case. */
bool alias_find(int control_fd, const char *name, struct alias_found *found_out,
		struct err *err) MUST_USE;

/* Calls back for each address; stops at the first false. A line that is no address is a
 * temporary err 4.3.5 that says file and line. */
bool alias_follow(int control_fd, const struct alias_found *found,
		  bool (*each)(void *ctx, const char *address, struct err *err),
		  void *ctx, struct err *err) MUST_USE;

#endif
