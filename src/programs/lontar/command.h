/* The operator's commands: one function each, all of one shape, in a file of its name. */
#ifndef LONTAR_COMMAND_H
#define LONTAR_COMMAND_H

#include <stdbool.h>

#include "base/args.h"
#include "base/buf.h"
#include "base/err.h"

struct command_context {
	const char *root; /* its path */
	int root_fd;      /* -1 for a command that needs no root yet */
	int control_fd;
	struct args args; /* argv[0] is the command's name */
};

/* False and err: main says so in one line and exits with err's code. An err without text
 * has been told already. */
typedef bool command(struct command_context *context, struct err *err);

/* The words of a command as a list of names, a line each. */
#define COMMAND_NAMES_MAX ((size_t)32 * 1024)
bool command_names(const struct args *args, struct buf *names_out,
		   struct err *err) MUST_USE;

/* The large messages that lie at the provider of this pickup, or, where NULL, of all. */
bool command_print_large(int root_fd, const char *pickup, bool *any_out,
			 struct err *err) MUST_USE;

command command_call;
command command_check;
command command_drop;
command command_explain;
command command_first;
command command_flush;
command command_hold;
command command_import_qmail;
command command_import_queue;
command command_init;
command command_link;
command command_listen;
command command_login;
command command_pickup;
command command_queue;
command command_rebuild;
command command_release;
command command_run;
command command_service;
command command_stats;
command command_status;
command command_token;
command command_user;

#endif
