/*
 * Whose a local address is (qmail-lspawn(8), qmail-getpw(8)), in this order:
 *
 *   an account (control/accounts), the whole name
 *   an account's extension, USER-EXT, where mail/USER has a .qmail file for it
 *   users/cdb, exactly, then by the longest prefix
 *   a user of the system, the longest name first (where control/systemusers says yes)
 *   the alias user: control/alias
 *
 * Aliases never override users. Nobody here judges whether a .qmail file exists for the
 * last two: see deliver/qmail_find.h.
 */
#ifndef DELIVER_LOCAL_USER_H
#define DELIVER_LOCAL_USER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "mail/address.h"

enum local_kind {
	LOCAL_ACCOUNT, /* home is mail/USER below the root; runs as the gateway does */
	LOCAL_SYSTEM,  /* home is absolute; runs as uid and gid */
	LOCAL_ALIAS,   /* home is control/alias; runs as user alias, else as nobody */
};

struct local_user {
	enum local_kind kind;
	char name[64];
	uid_t uid; /* LOCAL_SYSTEM's; never 0 */
	gid_t gid;
	char home[512];
	char dash[64];
	char ext[ADDRESS_MAX]; /* as it was typed */
};

struct local_search {
	int root_fd; /* -1: accounts have no files of their own */
	int control_fd;
};

/* local: the address's local part, virtualdomains applied. A temporary err: cannot be
 * told now (an unreadable map, a home that is not mounted, a user that is root). */
bool local_user_find(const struct local_search *search, const char *local,
		     struct local_user *out, struct err *err) MUST_USE;

/* Only users/cdb and the system's users; anybody else is a permanent err. */
bool local_system_find(const struct local_search *search, const char *local,
		       struct local_user *out, struct err *err) MUST_USE;

#endif
