/*
 * For the small programs that people's .qmail lines call (forward, condredirect,
 * bouncesaying, except, preline): the message on stdin, SENDER and its kin in the
 * environment, exit codes as qmail-command(8) has them.
 */
#ifndef DELIVER_QMAIL_COMMAND_H
#define DELIVER_QMAIL_COMMAND_H

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

#define QMAIL_EXIT_STOP  99
#define QMAIL_EXIT_NEVER 100
#define QMAIL_EXIT_LATER 111
#define QMAIL_NOT_RUN    (-1) /* there is no such program */

/* What stands round a command for sh that wants the lines in front that mailers for mbox
 * expect: preline's job. */
#define QMAIL_PRELINE_BEGIN                                                \
	"{ printf '%s%s%s' \"$UFLINE\" \"$RPLINE\" \"$DTLINE\"; cat; } | " \
	"{ "
#define QMAIL_PRELINE_END "\n}"

/* Runs a program with the message, from its beginning, on stdin. Its exit code;
 * QMAIL_EXIT_LATER where a signal ended it. */
int qmail_command_run(char *const *words);

/* Hands stdin's message in again, DTLINE in front, from the address in the environment
 * variable `sender_variable`. True: durable everywhere. */
bool qmail_command_forward(const char *sender_variable, char *const *recipients,
			   size_t count, struct err *err) MUST_USE;

/* Stdin's message, from its beginning, in a file: a pipe's (`filter | forward you@there`)
 * is kept in one without a name first. The caller's; -1 and err. */
int qmail_command_message(struct err *err) MUST_USE;

/* Prints the err and says how to exit: never or later. */
int qmail_command_fail(const char *program, const struct err *err);

/* The same for a wrong command line. */
int qmail_command_misuse(const char *usage);

#endif
