/*
 * Delivery into any Maildir of a user, also one on NFS with several writers: written in
 * tmp/, synced, linked into new/, new/ synced, then tmp/'s name removed (maildir(5)).
 * Never renamed over anything, no syncfs, no lease.
 */
#ifndef STORE_USER_MAILDIR_H
#define STORE_USER_MAILDIR_H

#include "base/attr.h"
#include "base/err.h"
#include "store/letter.h"

/* path: below home_fd, or absolute; ends in "/" or not. Its folders must exist; tmp and
 * new may be no symbolic links. host goes into the unique name. An err is temporary:
 * nothing of it is left in new/. */
bool user_maildir_deliver(int home_fd, const char *path, const char *host,
			  const struct letter *letter, struct err *err) MUST_USE;

/* maildirmake: the folder itself, tmp, new and cur, mode 0700, durably. One that exists
 * is a failure (EEXIST), unless it may. */
bool user_maildir_make(int at, const char *path, bool may_exist,
		       struct err *err) MUST_USE;

#endif
