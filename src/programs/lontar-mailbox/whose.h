/*
 * Whose mailbox it is that a session reads: an account's, below mail/, whose owner we
 * become; or that of a user of the system, in his home, as whom the master started us.
 *
 * Of the latter the Maildir of control/defaultdelivery is read, ~/Maildir where that says
 * nothing. An mbox is not: it would have to be written anew for each message removed.
 */
#ifndef PROGRAMS_LONTAR_MAILBOX_WHOSE_H
#define PROGRAMS_LONTAR_MAILBOX_WHOSE_H

#include "base/attr.h"
#include "base/err.h"
#include "store/mailbox.h"

/* user: an account's name, or "system:" and a local part. NULL and err; EX_NOINPUT: there
 * is none yet. */
struct mailbox *whose_mailbox(int root_fd, const char *user, struct err *err) MUST_USE;

#endif
