/*
 * What needs a provider's web server, and so libcurl and all that comes with it: a
 * program of its own, since the master is `lontar` and lives as long as the gateway. Its
 * current folder is the gateway's root.
 */
#ifndef LONTAR_LOGIN_LOGIN_H
#define LONTAR_LOGIN_LOGIN_H

#include <stdbool.h>

#include "base/args.h"
#include "base/attr.h"
#include "base/err.h"

struct place {
	int root_fd;
	int control_fd;
};

/* `lontar login` and `lontar token`; argv[0] is the verb. The place is opened when the
 * words make sense: help needs none. */
bool login_run(struct place *place, struct args *args, struct err *err) MUST_USE;
bool token_run(struct place *place, struct args *args, struct err *err) MUST_USE;

bool place_open(struct place *place, struct err *err) MUST_USE;

#endif
