/*
 * control/accounts: virtual users, "name:hash:flags" a line, compiled by the commands
 * that change it and by `lontar rebuild`: to accounts.cdb (names and hashes, for group
 * lontarauth only) and to users.cdb (names, for whoever routes mail). hash is crypt(3)'s
 * (yescrypt); flags are single letters (d: may not log in, still gets mail). Names are
 * lower case.
 */
#ifndef CONTROL_ACCOUNTS_H
#define CONTROL_ACCOUNTS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings.h"

#define ACCOUNT_NAME_MAX 64

enum account_found {
	ACCOUNT_YES,
	ACCOUNT_NO,
	ACCOUNT_UNKNOWN /* err: temporary */
};

/* Is there such a user (name in any case)? hash_out (may be NULL) gets his hash, or NULL
 * where he may not log in; caller frees. A map that was never made is UNKNOWN, a stale
 * one is used: ask accounts_are_stale and say so. */
enum account_found account_find(int control_fd, const char *name, char **hash_out,
				struct err *err) MUST_USE;

/* crypt(3) and compare in constant time; takes 20 to 100 ms on purpose. A NULL hash costs
 * the same and is never right (so that an unknown name takes as long). */
bool account_password_is_right(const char *password, const char *hash);

/* All change accounts durably, then the map. EX_NOINPUT: no such user; ERR_EXISTS: is
 * there already. */
bool account_add(int control_fd, const char *name, const char *password,
		 struct err *err) MUST_USE;
bool account_remove(int control_fd, const char *name, struct err *err) MUST_USE;
bool account_set_password(int control_fd, const char *name, const char *password,
			  struct err *err) MUST_USE;
bool account_names(int control_fd, struct settings_list *names_out,
		   struct err *err) MUST_USE;

/* Compiles both maps. An err (EX_CONFIG) names file and line, and the old maps stay. */
bool accounts_rebuild(int control_fd, struct err *err) MUST_USE;
bool accounts_are_stale(int control_fd);

/* [a-z0-9][a-z0-9._+-]*, shorter than ACCOUNT_NAME_MAX. */
bool account_name_is_valid(const char *name);

#endif
