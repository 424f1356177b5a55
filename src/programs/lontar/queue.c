/* lontar queue: every parked message, why it waits and when it will go; and the large
 * ones that lie at providers. */
#include <stdio.h>
#include <stdlib.h>

#include "programs/lontar/command.h"
#include "report/large.h"
#include "report/queue.h"

bool command_print_large(int root_fd, const char *pickup, bool *any_out, struct err *err)
{
	struct large *larges;
	size_t count;

	if (!large_list(root_fd, pickup, &larges, &count, err))
		return false;
	report_large_print(larges, count, stdout);
	*any_out = count > 0;
	free(larges);
	return true;
}

bool command_queue(struct command_context *context, struct err *err)
{
	static const char usage[] =
		"usage: lontar queue [--json] [NAME]\n"
		"Shows the parked messages (of the smarthost NAME), oldest first; without "
		"NAME, also\nwhat is too large to be fetched unasked.\n";
	bool json = false, any;
	const struct args_option options[] = { { .name = "json", .flag_out = &json },
					       { .name = NULL } };
	const char *only;

	if (!args_parse(&context->args, options, usage, err) ||
	    !args_count(&context->args, 0, 1, usage, err))
		return false;
	only = context->args.argc > 1 ? context->args.argv[1] : NULL;
	if (json)
		return queue_print_json(context->root_fd, context->control_fd, only,
					stdout, err);
	return queue_print(context->root_fd, context->control_fd, only, stdout, err) &&
	       (only || command_print_large(context->root_fd, NULL, &any, err));
}
