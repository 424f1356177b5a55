/*
 * lontar flush: push what waits, now. The running gateway does it; where none runs, this
 * starts lontar-flush for each smarthost itself and plays lontar-link.
 */
#include "ipc/channel.h"
#include "programs/lontar/alone.h"
#include "programs/lontar/ask_link.h"
#include "programs/lontar/command.h"

static const char usage[] =
	"usage: lontar flush [NAME...]\n"
	"Pushes the mail that waits for these smarthosts, or for all, now: whatever the\n"
	"link's state, and also if a smarthost is stopped. 0: all is sent; 75: mail stays.\n";

bool command_flush(struct command_context *context, struct err *err)
{
	static const struct args_option none[] = { { .name = NULL } };
	AUTO_BUF names = BUF_INIT(COMMAND_NAMES_MAX);
	struct link_ask ask = { .type = LINK_FLUSH };
	struct alone_wish wish = { .flushes = true };

	if (!args_parse(&context->args, none, usage, err) ||
	    !command_names(&context->args, &names, err))
		return false;
	wish.smarthosts = ask.names = buf_span(&names);
	ask.fd = channel_connect(context->root_fd, "link", err);
	if (ask.fd >= 0)
		return ask_link(&ask, 1, &(struct link_limit){ 0 }, err);
	return err->exit_code == EX_UNAVAILABLE && work_alone(context, &wish, err);
}
