/*
 * Passwords and tokens: in a file that a setting names (absolute, or relative to
 * control/), never in a setting itself, and not open to everyone; or what a command
 * prints.
 */
#ifndef CONTROL_SECRET_H
#define CONTROL_SECRET_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* The first line of a file, without its line end. Caller frees (explicit_bzero first).
 * NULL and err (EX_CONFIG) where it is missing, empty, or others may read it. */
char *secret_read(int control_fd, const char *path, struct err *err) MUST_USE;

/* The first line that `sh -c command` prints, run in control/ with no input; it has
 * SECRET_COMMAND_S seconds and must exit 0. Else NULL and a temporary err; where it exits
 * EX_NOPERM, because a person must log in first, a permanent one with that code. The
 * present folder is the root: the command finds it in LONTAR_ROOT. */
#define SECRET_COMMAND_S 60
char *secret_run(int control_fd, const char *command, struct err *err) MUST_USE;

/* The same in two steps, for an event loop. What the command prints is to be read from
 * the descriptor into a buf of SECRET_MAX bytes at most until it closes its end; it leads
 * a process group of its own, to be killed where it takes too long. -1 and err. */
#define SECRET_MAX ((size_t)64 * 1024) /* tokens may be long */
int secret_start(int control_fd, const char *command, pid_t *pid_out,
		 struct err *err) MUST_USE;
/* complete: all was read; status: waitpid's. Wipes printed. */
char *secret_finish(struct buf *printed, bool complete, int status, const char *command,
		    struct err *err) MUST_USE;

#endif
