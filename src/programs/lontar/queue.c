/* lontar queue: every parked message, why it waits and when it will go. */
#include <stdio.h>

#include "programs/lontar/command.h"
#include "report/queue.h"

bool command_queue(struct command_context *context, struct err *err)
{
	static const char usage[] =
		"usage: lontar queue [--json] [NAME]\n"
		"Shows the parked messages (of the smarthost NAME), oldest first.\n";
	bool json = false;
	const struct args_option options[] = { { .name = "json", .flag_out = &json },
					       { .name = NULL } };
	const char *only;

	if (!args_parse(&context->args, options, usage, err) ||
	    !args_count(&context->args, 0, 1, usage, err))
		return false;
	only = context->args.argc > 1 ? context->args.argv[1] : NULL;
	return json ? queue_print_json(context->root_fd, context->control_fd, only,
				       stdout, err)
		    : queue_print(context->root_fd, context->control_fd, only, stdout,
				  err);
}
