/* lontar rebuild: compile the maps. */
#include "control/access.h"
#include "control/accounts.h"
#include "control/assign.h"
#include "deliver/aliases.h"
#include "programs/lontar/command.h"

static const char usage[] =
	"usage: lontar rebuild\n"
	"Compiles control/accounts (to accounts.cdb and users.cdb), control/tcp.smtp\n"
	"(to tcp.smtp.cdb), control/users/assign (to users/cdb) and control/aliases (to\n"
	"aliases.cdb). Where one is wrong, its old map stays.\n";

bool command_rebuild(struct command_context *context, struct err *err)
{
	return args_parse(&context->args, NULL, usage, err) &&
	       args_count(&context->args, 0, 0, usage, err) &&
	       accounts_rebuild(context->control_fd, err) &&
	       access_rebuild(context->control_fd, err) &&
	       assign_rebuild(context->control_fd, err) &&
	       aliases_rebuild(context->control_fd, err);
}
