/* lontar status: the links, and what waits for each smarthost. */
#include <stdio.h>

#include "base/file.h"
#include "ipc/channel.h"
#include "programs/lontar/command.h"
#include "report/status.h"

static bool gateway_runs(int root_fd)
{
	struct err err = { 0 };
	AUTO_FD fd = channel_connect(root_fd, "link", &err);

	return fd >= 0;
}

bool command_status(struct command_context *context, struct err *err)
{
	static const char usage[] =
		"usage: lontar status [--json]\n"
		"Shows the links, and for each smarthost what waits and why.\n";
	bool json = false, shown;
	const struct args_option options[] = { { .name = "json", .flag_out = &json },
					       { .name = NULL } };
	struct status status;

	if (!args_parse(&context->args, options, usage, err) ||
	    !args_count(&context->args, 0, 0, usage, err))
		return false;
	shown = status_read(context->root_fd, context->control_fd, &status, err) &&
		(!json || status_print_json(&status, stdout, err));
	if (shown && !json) {
		status_print(&status, stdout);
		if (!gateway_runs(context->root_fd))
			puts("\nThe gateway does not run: start it with `lontar run`.");
	}
	status_clear(&status);
	return shown;
}
