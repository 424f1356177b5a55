/* Who hands a message in with `sendmail`, and what an address without a host is here. */
#ifndef PROGRAMS_SENDMAIL_CALLER_H
#define PROGRAMS_SENDMAIL_CALLER_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings.h"
#include "mail/address.h"
#include "mail/maildir.h"
#include "mail/qualify.h"

#define CALLER_NAME_MAX 128
#define CALLER_HOST_MAX 256

struct caller {
	char login[CALLER_NAME_MAX];
	char full_name[CALLER_NAME_MAX]; /* from his gecos; may be empty */
	char host[CALLER_HOST_MAX];
	char unique[MAILDIR_UNIQUE_MAX];
	char sender[ADDRESS_MAX]; /* of the envelope */
	char author[ADDRESS_MAX]; /* where the message names none */
	struct qualifier qualifier;
	struct settings settings; /* settings_clear frees what it holds */
};

/* Fills all but sender and author. Where the settings are not for this user to read, the
 * machine's own name has to do. The qualifier points into *caller_out. */
void caller_find(struct caller *caller_out, int root_fd);

/* The sender is the caller, or what -f says (NULL: nothing; "" and "<>": the null
 * sender). EX_USAGE where that is no address. */
bool caller_sender(struct caller *caller, const char *given, struct err *err) MUST_USE;

#endif
