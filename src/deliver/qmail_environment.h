/*
 * What a program in a .qmail line finds in its environment (qmail-command(8)).
 *
 * Half of it comes from strangers. No value begins as bash once took for a function
 * ("()", CVE-2014-6271), and control bytes are "_"; but for the line ends of DTLINE,
 * RPLINE and UFLINE, which are there to be printed. None of it is ever put into the text
 * of a command.
 */
#ifndef DELIVER_QMAIL_ENVIRONMENT_H
#define DELIVER_QMAIL_ENVIRONMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct qmail_context {
	const char *user;
	const char *home; /* absolute */
	const char *local;
	const char *host;
	const char *ext;
	const char *rest; /* DEFAULT; NULL: unset */
	const char *sender;
	const char *new_sender;
	const char *path; /* PATH */
	const char *root; /* LONTAR_ROOT, for forward and sendmail */
	int64_t now;
};

struct environment {
	char **items; /* for execve; NULL behind the last */
	size_t count;
};

void qmail_environment(struct environment *out, const struct qmail_context *context);
void environment_clear(struct environment *environment);

/* The value of one, or NULL. Borrowed. */
const char *environment_get(const struct environment *environment, const char *name);

#endif
