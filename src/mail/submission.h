/*
 * A message as a user's program hands it to `sendmail`, made ready to travel: Date,
 * Message-ID and From added where they are missing, Bcc taken out, addresses made whole,
 * and the recipients it names. Of a message that is sent again, the Resent- fields count
 * (RFC 5322 3.6.6).
 */
#ifndef MAIL_SUBMISSION_H
#define MAIL_SUBMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "mail/qualify.h"

#define SUBMISSION_HEADER_MAX     ((size_t)1024 * 1024) /* bytes */
#define SUBMISSION_RECIPIENTS_MAX 10000

struct submission {
	struct qualifier qualifier;
	const char *me;         /* host, for Message-ID */
	const char *unique;     /* mail/maildir.h, for Message-ID */
	int64_t now;            /* wall clock seconds */
	const char *author;     /* whose From it is where there is none */
	const char *full_name;  /* his name; may be NULL */
	bool header_recipients; /* those of To, Cc and Bcc are recipients too */

	/* As qmail-inject: */
	bool drop_author; /* From is made anew, */
	bool drop_id;     /* and Message-ID */
	bool in_comment;  /* From: ann@host (Ann), not Ann <ann@host> */
	bool says_hidden; /* a Cc that says so, where neither To nor Cc is there */
	const struct span *lists; /* lower case addresses: mail to one of them gets a */
	size_t list_count;        /* Mail-Followup-To of To and Cc */

	char **recipients; /* found, each once */
	size_t count;
	bool has_return_path; /* the field was there, with: */
	char return_path[ADDRESS_MAX];
};

/* Adds the addresses of a list, as a command line or a field has it. Permanent err where
 * it is none. */
bool submission_recipients(struct submission *submission, struct span list,
			   struct err *err) MUST_USE;

/* Takes the header off *message, which holds all of it, and appends the new one with its
 * empty line; *message is then the body. */
bool submission_compose(struct submission *submission, struct span *message,
			struct buf *out, struct err *err) MUST_USE;

void submission_clear(struct submission *submission);

#endif
