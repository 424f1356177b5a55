/* Hashes of passwords: the only place that knows crypt(3). account_password_is_right, for
 * everyone, is in accounts.h. */
#ifndef CONTROL_ACCOUNT_PASSWORD_H
#define CONTROL_ACCOUNT_PASSWORD_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

#define ACCOUNT_HASH_MAX 384

/* yescrypt with a new salt. An empty password, or one of more than a line: EX_USAGE. */
bool account_password_hash(const char *password, char hash_out[ACCOUNT_HASH_MAX],
			   struct err *err) MUST_USE;

/* Some password may have it. */
bool account_hash_is_valid(const char *hash);

#endif
