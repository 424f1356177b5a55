/*
 * The operator's commands: one function each, listed in main.c's table.
 *
 * A command parses its own words (base/args.h), prints on stdout, and fails with an err
 * that says what, where and the mend; main prints it as "lontar NAME: text" and exits
 * with err_exit_code. An err with an exit code and an empty text ends quietly: all was
 * said before.
 */
#ifndef PROGRAMS_LONTAR_COMMAND_H
#define PROGRAMS_LONTAR_COMMAND_H

#include "base/args.h"
#include "base/err.h"

struct command_context {
	const char *root; /* its path, as given */
	int root_fd;      /* open; -1 for a command that works without a root */
	int control_fd;   /* likewise */
	struct args args; /* argv[0] is the command's name */
};

bool command_init(struct command_context *context, struct err *err) MUST_USE;
bool command_run(struct command_context *context, struct err *err) MUST_USE;
bool command_listen(struct command_context *context, struct err *err) MUST_USE;
bool command_service(struct command_context *context, struct err *err) MUST_USE;
bool command_link(struct command_context *context, struct err *err) MUST_USE;
bool command_flush(struct command_context *context, struct err *err) MUST_USE;
bool command_status(struct command_context *context, struct err *err) MUST_USE;
bool command_queue(struct command_context *context, struct err *err) MUST_USE;
bool command_hold(struct command_context *context, struct err *err) MUST_USE;
bool command_release(struct command_context *context, struct err *err) MUST_USE;
bool command_first(struct command_context *context, struct err *err) MUST_USE;
bool command_drop(struct command_context *context, struct err *err) MUST_USE;
bool command_user(struct command_context *context, struct err *err) MUST_USE;
bool command_rebuild(struct command_context *context, struct err *err) MUST_USE;
bool command_check(struct command_context *context, struct err *err) MUST_USE;
bool command_explain(struct command_context *context, struct err *err) MUST_USE;

#endif
