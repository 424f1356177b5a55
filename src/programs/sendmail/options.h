/*
 * The command line that programs have called `sendmail` with for forty years: what means
 * something here, and what is taken and ignored as sendmail itself does without a queue
 * of its own.
 */
#ifndef PROGRAMS_SENDMAIL_OPTIONS_H
#define PROGRAMS_SENDMAIL_OPTIONS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

enum options_mode {
	MODE_SEND,       /* -bm: a message on stdin */
	MODE_SMTP,       /* -bs: SMTP on stdin and stdout */
	MODE_SHOW_QUEUE, /* -bp, mailq */
	MODE_REBUILD,    /* -bi, -I, newaliases */
	MODE_RUN_QUEUE,  /* -q: the gateway does it by itself */
};

struct options {
	enum options_mode mode;
	bool header_recipients; /* -t */
	bool dot_is_text;       /* -i, -oi */
	bool verbose;           /* -v */
	const char *sender;     /* -f, -r; NULL: not given */
	const char *full_name;  /* -F; NULL: not given */
	char **recipients;      /* of argv */
	int count;
};

/* argv[0]'s last part decides too: mailq and newaliases. --help and --version end the
 * program. A wrong option is an err with EX_USAGE. */
bool options_parse(int argc, char **argv, struct options *options_out,
		   struct err *err) MUST_USE;

#endif
