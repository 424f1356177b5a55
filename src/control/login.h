/*
 * control/logins/NAME: how to log in at a provider that wants OAuth 2 (RFC 6749, RFC
 * 8628, RFC 8252). Smarthosts and pickups name it in their key "login"; several may share
 * one. What the provider gave is in spool/state/tokens (oauth/tokens.h).
 */
#ifndef CONTROL_LOGIN_H
#define CONTROL_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum login_provider {
	LOGIN_OTHER, /* the file has the URLs */
	LOGIN_MICROSOFT,
	LOGIN_GOOGLE
};

struct login {
	char *name;
	enum login_provider provider;
	char *clientid;
	char *clientsecretfile; /* NULL: none is asked for */
	char *deviceurl;        /* https; or NULL, and: */
	char *authurl;          /* https: where a person gets a code to paste */
	char *tokenurl;         /* https */
	char *scope;            /* "": not sent */
	char *cafile;           /* NULL: the system's */
	uint64_t lifetime; /* seconds that a refresh token lives unused; 0: not known */
};

/* No such file: exit code EX_NOINPUT; a wrong line: EX_CONFIG with file, line and mend.
 * Clear with login_clear; after an err there is nothing to clear. */
bool login_load(int control_fd, const char *name, struct login *login_out,
		struct err *err) MUST_USE;
void login_clear(struct login *login);

/* For a file that names a login and has no other secret: its tokencommand. */
bool login_settle(const char *name, bool has_other, char **command_out,
		  struct err *err) MUST_USE;

/* What prints the token, for secret_run and secret_start: `lontar token NAME` from the
 * folder of the program that runs. Caller frees. */
char *login_command(const char *name);
/* A token that was refused for want of a login (EX_NOPERM): says what to do. */
void login_explain(const char *name, struct err *err);

#endif
