/*
 * Passwords and tokens: in a file that a setting names (absolute, or relative to
 * control/), never in a setting itself, and not open to everyone; or what a command
 * prints.
 */
#ifndef CONTROL_SECRET_H
#define CONTROL_SECRET_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/* The first line of a file, without its line end. Caller frees (explicit_bzero first).
 * NULL and err (EX_CONFIG) where it is missing, empty, or others may read it. */
char *secret_read(int control_fd, const char *path, struct err *err) MUST_USE;

/* The first line that `sh -c command` prints, run in control/ with no input; it has
 * SECRET_COMMAND_S seconds and must exit 0. Else NULL and a temporary err. */
#define SECRET_COMMAND_S 60
char *secret_run(int control_fd, const char *command, struct err *err) MUST_USE;

#endif
