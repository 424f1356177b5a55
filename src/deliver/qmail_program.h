/*
 * A program of a .qmail line: "/bin/sh -c COMMAND" with the message on its stdin, in a
 * process group of its own, with limits, and nothing inherited but what is said here
 * (qmail-command(8)).
 */
#ifndef DELIVER_QMAIL_PROGRAM_H
#define DELIVER_QMAIL_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

#define QMAIL_PROGRAM_OUTPUT_MAX 2000 /* kept of what it prints */

#define QMAIL_PROGRAM_STAYS      (-2)

struct qmail_program {
	const char *command;
	char *const *environment;
	int home_fd;    /* its current folder; QMAIL_PROGRAM_STAYS: ours */
	int message_fd; /* opened anew for it, to read, at its first byte */
	int alarms[2];  /* -1, or: when this one is closed, the program is killed */
	uint64_t timeout_s;
	uid_t uid; /* who it becomes where we are root; nothing runs as root */
	gid_t gid;
};

enum qmail_verdict {
	QMAIL_DONE,
	QMAIL_STOP, /* done, and the lines behind it are not to be run (99) */
	QMAIL_LATER,
	QMAIL_NEVER,
};

/* What an exit code means; 128 + N: a signal. Anything unknown is LATER. */
enum qmail_verdict qmail_program_verdict(int exit_code);

/* Runs it to its end. Output (stdout and stderr, the last line end cut) goes to
 * output_out. With LATER and NEVER err says why. A process of its that outlives it is
 * left alone, unless it was killed for its time. */
enum qmail_verdict qmail_program_run(const struct qmail_program *program,
				     char output_out[QMAIL_PROGRAM_OUTPUT_MAX],
				     struct err *err) MUST_USE;

#endif
