/*
 * lontar flush: push what waits, now. The running gateway does it; where none runs, this
 * starts lontar-flush for each smarthost itself and plays lontar-link.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "ipc/channel.h"
#include "programs/lontar/alone.h"
#include "programs/lontar/command.h"
#include "programs/lontar/progress.h"

#define NAMES_MAX ((size_t)32 * 1024)

static const char usage[] =
	"usage: lontar flush [NAME...]\n"
	"Pushes the mail that waits for these smarthosts, or for all, now: whatever the\n"
	"link's state, and also where a smarthost is held. 0: all is sent; 75: mail stays.\n";

static bool nonsense(struct err *err)
{
	return err_temporary(err, "", "the gateway's answer makes no sense");
}

static bool hear_gateway(int gateway, struct progress *progress, struct err *err)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);

	while (channel_wait(gateway, -1, &in, NULL) == CHANNEL_PACKET) {
		struct link_progress told;
		struct link_done done;
		struct packet packet;

		if (!packet_open(&packet, buf_span(&in)))
			return nonsense(err);
		if (packet.type == LINK_PROGRESS) {
			if (!link_progress_get(&packet, &told))
				return nonsense(err);
			progress_take(progress, &told);
			continue;
		}
		if (packet.type != LINK_DONE || !link_done_get(&packet, &done))
			return nonsense(err);
		progress_end(progress);
		if (done.exit_code != 0)
			return err_exit(err, (int)done.exit_code, "%.*s",
					SPAN_ARG(done.text));
		if (done.text.len)
			printf("%.*s\n", SPAN_ARG(done.text));
		return true;
	}
	return err_temporary(err, "",
			     "the gateway ended meanwhile; what is not sent waits");
}

static bool ask_gateway(int gateway, const struct args *args, struct err *err)
{
	AUTO_BUF names = BUF_INIT(NAMES_MAX);
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct progress progress;
	bool done;

	for (int i = 1; i < args->argc; i++)
		if (!buf_appendf(&names, "%s\n", args->argv[i]))
			return err_exit(err, EX_USAGE, "too many names");
	link_flush_put(&out, 1, &(struct link_flush){ buf_span(&names) });
	if (!channel_send(gateway, &out, -1, err))
		return false;
	progress_begin(&progress);
	done = hear_gateway(gateway, &progress, err);
	progress_end(&progress);
	return done;
}

bool command_flush(struct command_context *context, struct err *err)
{
	static const struct args_option none[] = { { .name = NULL } };
	AUTO_FD gateway = -1;

	if (!args_parse(&context->args, none, usage, err))
		return false;
	gateway = channel_connect(context->root_fd, "link", err);
	if (gateway >= 0)
		return ask_gateway(gateway, &context->args, err);
	return err->exit_code == EX_UNAVAILABLE && flush_alone(context, err);
}
