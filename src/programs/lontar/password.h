/* Passwords from the operator: a line of stdin, typed twice and unseen on a terminal. */
#ifndef PROGRAMS_LONTAR_PASSWORD_H
#define PROGRAMS_LONTAR_PASSWORD_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/* The next password, for this user. Caller frees (explicit_bzero first). NULL and err:
 * stdin has ended, or the two differ (EX_USAGE). */
char *password_ask(const char *user, struct err *err) MUST_USE;

/* Wipes and frees; NULL does nothing. */
void password_free(char *password);

#endif
