/* lontar login, lontar token: lontar-login does both. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "programs/lontar/command.h"
#include "programs/lontar/spawn.h"
#include "programs/lontar/tree.h"

#define WORDS_MAX 8

/* Returns only where it does not start. */
static bool hand_over(const struct command_context *context, struct err *err)
{
	char name[] = "lontar-login", *words[WORDS_MAX + 2] = { name };
	AUTO_FD program = spawn_open(name, err);

	if (program < 0)
		return false;
	if (context->args.argc > WORDS_MAX)
		return err_exit(err, EX_USAGE, "too many words");
	for (int i = 0; i < context->args.argc; i++)
		words[1 + i] = context->args.argv[i];
	if (context->root_fd >= 0 && fchdir(context->root_fd) != 0)
		return err_errno(err, "enter %s", context->root);
	execveat(program, "", words, environ, AT_EMPTY_PATH);
	return err_errno(err, "start lontar-login");
}

bool command_login(struct command_context *context, struct err *err)
{
	/* In a root that is older, and before anybody types anything. */
	if (context->root_fd >= 0 &&
	    (!tree_make_folder(context->root_fd, "spool/state/tokens", err) ||
	     !tree_make_folder(context->root_fd, "spool/state/logins", err)))
		return false;
	return hand_over(context, err);
}

bool command_token(struct command_context *context, struct err *err)
{
	return hand_over(context, err);
}
