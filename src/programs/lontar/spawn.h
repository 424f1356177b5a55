/* fork and exec of one of our programs, as ipc/master.h promises it. */
#ifndef PROGRAMS_LONTAR_SPAWN_H
#define PROGRAMS_LONTAR_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "programs/lontar/privilege.h"

#define SPAWN_ARGUMENTS_MAX 4

struct spawn_order {
	const char *program;                        /* its argv[0] */
	const char *arguments[SPAWN_ARGUMENTS_MAX]; /* the first NULL ends them */
	int program_fd;                             /* the file to execute */
	int root_fd;                                /* becomes its current folder */
	int private_fd; /* becomes PRIVATE_FD; -1: none. Stays the caller's */
	const struct identity *identity;
};

struct spawned {
	pid_t pid;
	int channel_fd; /* our end of its MASTER_FD */
	int says_fd;    /* our end of its stdout and stderr */
};

bool spawn(const struct spawn_order *order, struct spawned *spawned_out,
	   struct err *err) MUST_USE;

/* Opens a program beside our own (/proc/self/exe); -1 and err. */
int spawn_open(const char *program, struct err *err) MUST_USE;

#endif
