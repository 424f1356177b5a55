/*
 * lontar pickup: fetch what waits at providers, now. The running gateway does it; where
 * none runs, this starts lontar-pickup for each of them itself and plays lontar-link.
 */
#include "ipc/channel.h"
#include "programs/lontar/alone.h"
#include "programs/lontar/ask_link.h"
#include "programs/lontar/command.h"

static const char usage[] =
	"usage: lontar pickup [NAME...]\n"
	"Fetches the mail of these pickups (control/pickups), or of all, now: whatever the\n"
	"link's state. 0: all is fetched; 75: mail stays there.\n";

bool command_pickup(struct command_context *context, struct err *err)
{
	static const struct args_option none[] = { { .name = NULL } };
	AUTO_BUF names = BUF_INIT(COMMAND_NAMES_MAX);
	struct link_ask ask = { .type = LINK_PICKUP };
	struct alone_wish wish = { .fetches = true };

	if (!args_parse(&context->args, none, usage, err) ||
	    !command_names(&context->args, &names, err))
		return false;
	wish.pickups = ask.names = buf_span(&names);
	ask.fd = channel_connect(context->root_fd, "link", err);
	if (ask.fd >= 0)
		return ask_link(&ask, 1, &(struct link_limit){ 0 }, err);
	return err->exit_code == EX_UNAVAILABLE && work_alone(context, &wish, err);
}
