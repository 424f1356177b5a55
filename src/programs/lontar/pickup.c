/*
 * lontar pickup: fetch what waits at providers, now. The running gateway does it; where
 * none runs, this starts lontar-pickup for each of them itself and plays lontar-link.
 */
#include <stdio.h>

#include "ipc/channel.h"
#include "programs/lontar/alone.h"
#include "programs/lontar/ask_link.h"
#include "programs/lontar/command.h"
#include "programs/lontar/probe.h"

static const char usage[] =
	"usage: lontar pickup [NAME...]\n"
	"       lontar pickup --held [NAME]\n"
	"       lontar pickup --probe NAME [--via SMARTHOST ADDRESS ADDRESS]\n"
	"Fetches the mail of these pickups (control/pickups), or of all, now: whatever the\n"
	"link's state. 0: all is fetched; 75: mail stays there.\n"
	"With --held, lists what stays there because it is too large: `lontar release ID` "
	"has\nit fetched.\n"
	"With --probe and two addresses whose mail goes into the mailbox of a multidrop\n"
	"pickup, sends two letters there; with --probe alone, looks for them at the provider\n"
	"and proves which header field names each recipient.\n";

static bool probe(struct command_context *context, const char *smarthost, struct err *err)
{
	const struct args *args = &context->args;
	struct probe_order order = { .smarthost = smarthost };
	struct alone_wish wish = { .fetches = true, .probes = true };

	if (!args_count(args, 1, 3, usage, err))
		return false;
	if (args->argc == 3)
		return err_exit(err, EX_USAGE, "two addresses are needed");
	order.pickup = args->argv[1];
	wish.pickups = span_of(order.pickup);
	if (args->argc == 2) {
		if (!work_alone(context, &wish, err))
			return false;
		printf("proved: pickup %s may be used as multidrop\n", order.pickup);
		return true;
	}
	order.addresses[0] = args->argv[2];
	order.addresses[1] = args->argv[3];
	return probe_send(context, &order, err);
}

static bool show_held(struct command_context *context, struct err *err)
{
	const struct args *args = &context->args;
	bool any;

	if (!args_count(args, 0, 1, usage, err) ||
	    !command_print_large(context->root_fd, args->argc > 1 ? args->argv[1] : NULL,
				 &any, err))
		return false;
	if (!any)
		puts("Nothing is too large.");
	return true;
}

bool command_pickup(struct command_context *context, struct err *err)
{
	const char *smarthost = NULL;
	bool probes = false, held = false;
	const struct args_option options[] = {
		{ .name = "held", .flag_out = &held },
		{ .name = "probe", .flag_out = &probes },
		{ .name = "via", .value_out = &smarthost },
		{ .name = NULL },
	};
	AUTO_BUF names = BUF_INIT(COMMAND_NAMES_MAX);
	struct link_ask ask = { .type = LINK_PICKUP };
	struct alone_wish wish = { .fetches = true };

	if (!args_parse(&context->args, options, usage, err))
		return false;
	if (held)
		return show_held(context, err);
	if (probes)
		return probe(context, smarthost, err);
	if (!command_names(&context->args, &names, err))
		return false;
	wish.pickups = ask.names = buf_span(&names);
	ask.fd = channel_connect(context->root_fd, "link", err);
	if (ask.fd >= 0)
		return ask_link(&ask, 1, &(struct link_limit){ 0 }, err);
	return err->exit_code == EX_UNAVAILABLE && work_alone(context, &wish, err);
}
