/*
 * control/pickups/NAME: a mailbox at a provider whose mail is fetched. "key value" lines
 * (control/keyvalue.h).
 */
#ifndef CONTROL_PICKUP_H
#define CONTROL_PICKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/smarthost.h"

enum pickup_type {
	PICKUP_POP3,
	PICKUP_IMAP
};
enum pickup_keep {
	PICKUP_KEEP_NO, /* deleted there once it is safe here */
	PICKUP_KEEP_ALWAYS,
	PICKUP_KEEP_DAYS
};

struct pickup {
	char *name;
	enum pickup_type type;
	char *host;
	uint16_t port;          /* 110 and 995, 143 and 993 */
	enum smarthost_tls tls; /* implicit on 995 and 993, else starttls */
	char *user;
	char *folder;       /* IMAP only, as the server names it; INBOX where unset */
	char *passwordfile; /* NULL where unset; likewise below */
	char *tokenfile;
	char *tokencommand;
	char *login; /* control/logins/NAME; tokencommand then makes its token */
	char *cafile;
	char *to;                    /* the local user who gets it, or: */
	char *multidrop;             /* the header field that names the recipient */
	uint64_t multidrop_position; /* which of several such fields, from 1 */
	char *unmatched; /* who gets what nobody else does; postmaster where unset */
	enum pickup_keep keep;
	uint64_t keep_days;
	uint64_t every_s; /* while a link stays up; 0: only when it comes up */
	uint64_t maxsize; /* bytes; larger ones: header only; 0: any */
};

/* No such file: exit code EX_NOINPUT; a wrong line: EX_CONFIG with file, line and mend.
 * Clear with pickup_clear; after an err there is nothing to clear. */
bool pickup_load(int control_fd, const char *name, struct pickup *pickup_out,
		 struct err *err) MUST_USE;
void pickup_clear(struct pickup *pickup);

/* every_s alone; 0 too where the file cannot be read. */
uint64_t pickup_every_s(int control_fd, const char *name);

/* As smarthost_secret. */
char *pickup_secret(int control_fd, const struct pickup *pickup,
		    struct err *err) MUST_USE;

#endif
