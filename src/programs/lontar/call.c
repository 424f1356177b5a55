/*
 * lontar call: dial, push and fetch side by side, hang up. From cron as well as by hand,
 * with a gateway that runs or without; and started by the gateway itself, which may not
 * dial, when a line of callwhen says so. That the link is up is told by a hook, by the
 * dial command itself (`lontar link up NAME`), by its interface or by a probe; by nothing
 * else, since a command that has ended well need not have reached anybody.
 */
#include "programs/lontar/call.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "control/smarthost.h"
#include "ipc/channel.h"
#include "ipc/link.h"
#include "ipc/master.h"
#include "link/allowance.h"
#include "link/call.h"

#define NUMBER_LARGEST (UINT64_C(7) * 86400)

static const char usage[] =
	"usage: lontar call [--wait SECONDS] [--limit SECONDS] [--tries N] [--pause SECONDS] "
	"NAME\n"
	"Brings the link NAME up with the `dial` command of control/links/NAME, pushes and\n"
	"fetches what it serves, and brings it down with `hangup`. A link that is up already\n"
	"is used and left up.\n"
	"  --wait   until it is up (dialtime of control/links/NAME, else 90)\n"
	"  --limit  of the whole call, from up to hanging up; 0: none (calltime, else 3600)\n"
	"  --tries  where the line is busy (redial, else 3)\n"
	"  --pause  before the second try, twice that before the third (30)\n"
	"0: all is sent and fetched; 75: mail stays, or the line was busy.\n";

static volatile sig_atomic_t told_to_stop;

static void on_signal(int number)
{
	told_to_stop = number;
}

static bool take_number(const char *option, const char *text, uint64_t *number,
			struct err *err)
{
	if (!text || number_parse(span_of(text), NUMBER_LARGEST, number))
		return true;
	return err_exit(err, EX_USAGE, "--%s: \"%.40s\" is no number", option, text);
}

/* Those of the command line go before the link's own, which are read already. */
struct option_texts {
	const char *wait, *limit, *tries, *pause;
};

static bool take_link(struct call *call, struct err *err)
{
	bool found;

	if (!smarthost_name_is_valid(call->name))
		return err_exit(err, EX_NOINPUT, "no link %s", call->name);
	if (!linkfile_load(call->context->control_fd, call->name, &call->link, &found,
			   err))
		return false;
	if (found)
		return true;
	linkfile_clear(&call->link);
	return err_exit(err, EX_NOINPUT, "no link %s: write control/links/%s", call->name,
			call->name);
}

static bool take_numbers(struct call *call, const struct option_texts *texts,
			 struct err *err)
{
	call->wait_s = call->link.dialtime_s;
	call->limit_s = call->link.calltime_s;
	call->tries = call->link.redial;
	return take_number("wait", texts->wait, &call->wait_s, err) &&
	       take_number("limit", texts->limit, &call->limit_s, err) &&
	       take_number("tries", texts->tries, &call->tries, err) &&
	       take_number("pause", texts->pause, &call->pause_s, err);
}

static bool take_options(struct call *call, struct err *err)
{
	struct option_texts texts = { 0 };
	/* --gateway is lontar-link's. */
	const struct args_option options[] = {
		{ .name = "wait", .value_out = &texts.wait },
		{ .name = "limit", .value_out = &texts.limit },
		{ .name = "tries", .value_out = &texts.tries },
		{ .name = "pause", .value_out = &texts.pause },
		{ .name = "gateway", .flag_out = &call->by_gateway },
		{ .name = NULL },
	};
	struct args *args = &call->context->args;

	if (!args_parse(args, options, usage, err) || !args_count(args, 1, 1, usage, err))
		return false;
	call->name = args->argv[1];
	return take_link(call, err) && take_numbers(call, &texts, err);
}

/* A line that could not be used is not paid for. */
static bool may_dial(const struct call *call, struct err *err)
{
	struct allowance allowance;

	link_allowance(call->context->root_fd, &call->link, clock_wall_s(), &allowance);
	if (allowance.open || (!allowance.spent && !call->by_gateway))
		return true;
	return err_exit(err, EX_TEMPFAIL, "%s", allowance.why);
}

static bool call_up(struct call *call, struct err *err)
{
	bool left = link_call_is_marked(call->lock_fd), done;

	/* Up by somebody else's word: his to bring down. */
	if (call_is_up(call) && !left)
		return call_work(call, err);
	if (!call_is_up(call)) {
		if (left)
			call_hang_up(call);
		if (!may_dial(call, err) || !call_dial(call, err))
			return false;
	}
	done = call_work(call, err);
	call_hang_up(call);
	return done;
}

static bool take_and_call(struct call *call, struct err *err)
{
	AUTO_FD lock_fd = link_call_take(call->context->root_fd, call->name, err);

	call->lock_fd = lock_fd;
	return lock_fd >= 0 && call_up(call, err);
}

/* When the master is gone, however he died, we hang up and end too. */
static void tie(void)
{
	struct pollfd master = { .fd = MASTER_FD, .events = 0 };

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (poll(&master, 1, 0) == 1 && master.revents & POLLHUP)
		told_to_stop = SIGTERM;
	/* Not for the dial command. */
	fcntl(MASTER_FD, F_SETFD, FD_CLOEXEC);
	fcntl(PRIVATE_FD, F_SETFD, FD_CLOEXEC);
}

static void report(const struct err *err)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct link_done done = { (uint64_t)err_exit_code(err), span_of(err->text) };
	struct err ignored;

	link_done_put(&out, 0, &done);
	if (!channel_send(PRIVATE_FD, &out, -1, &ignored))
		return; /* lontar-link is gone: the next one finds the line down */
}

bool command_call(struct command_context *context, struct err *err)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct call call = { .context = context, .pause_s = 30, .stop = &told_to_stop };
	const struct err fine = { 0 };
	bool done;

	if (!take_options(&call, err)) {
		linkfile_clear(&call.link);
		return false;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	if (call.by_gateway)
		tie();
	done = take_and_call(&call, err);
	linkfile_clear(&call.link);
	if (call.by_gateway)
		report(done ? &fine : err);
	return done;
}
