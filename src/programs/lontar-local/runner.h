/*
 * Two processes where there are role users: an account's delivery is the mail tree's
 * owner's (user lontar), but the programs of its .qmail lines are alias's or nobody's.
 * The one that reads letters becomes lontar for good; the other stays root, with no right
 * but to become another user, reads nothing but commands, and runs them as nobody.
 */
#ifndef PROGRAMS_LONTAR_LOCAL_RUNNER_H
#define PROGRAMS_LONTAR_LOCAL_RUNNER_H

#include "base/attr.h"
#include "base/err.h"
#include "deliver/qmail_program.h"

/* Splits where that is so; *fd_out is then the way to the other one, else -1. order: as
 * the master was asked, "account:USER". First of all that a process does. */
bool runner_split(const char *order, int *fd_out, struct err *err) MUST_USE;

/* qmail_program_run by the other one. */
enum qmail_verdict runner_run(int fd, const struct qmail_program *program,
			      char output_out[QMAIL_PROGRAM_OUTPUT_MAX],
			      struct err *err) MUST_USE;

/* Whom programs are run as where we are root: alias, else nobody. */
void runner_harmless(struct qmail_program *program);

#endif
