/*
 * lontar call: dial, push and fetch side by side, hang up. From cron as well as by hand,
 * with a gateway that runs or without. That the link is up is told by a hook, or by the
 * dial command itself (`lontar link up NAME`); by nothing else, since a command that has
 * ended well need not have reached anybody.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "control/linkfile.h"
#include "control/smarthost.h"
#include "ipc/channel.h"
#include "link/call.h"
#include "link/notes.h"
#include "programs/lontar/alone.h"
#include "programs/lontar/ask_link.h"
#include "programs/lontar/tell_link.h"

#define NUMBER_LARGEST (UINT64_C(7) * 86400)
#define LOOK_MS        100
#define HANGUP_MS      INT64_C(60000)
#define PAUSE_MAX_S    900

static const char usage[] =
	"usage: lontar call [--wait SECONDS] [--limit SECONDS] [--tries N] [--pause SECONDS] "
	"NAME\n"
	"Brings the link NAME up with the `dial` command of control/links/NAME, pushes and\n"
	"fetches what it serves, and brings it down with `hangup`. A link that is up already\n"
	"is used and left up.\n"
	"  --wait   until it is up (90)\n"
	"  --limit  of the whole call, from up to hanging up; 0: none (3600)\n"
	"  --tries  where the line is busy (3)\n"
	"  --pause  before the second try, twice that before the third (30)\n"
	"0: all is sent and fetched; 75: mail stays, or the line was busy.\n";

static volatile sig_atomic_t told_to_stop;

struct call {
	struct command_context *context;
	const char *name;
	struct linkfile link;
	uint64_t wait_s, limit_s, tries, pause_s;
	pid_t dialler; /* 0: it has ended */
};

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

static bool take_options(struct call *call, struct err *err)
{
	const char *wait = NULL, *limit = NULL, *tries = NULL, *pause = NULL;
	const struct args_option options[] = {
		{ .name = "wait", .value_out = &wait },
		{ .name = "limit", .value_out = &limit },
		{ .name = "tries", .value_out = &tries },
		{ .name = "pause", .value_out = &pause },
		{ .name = NULL },
	};
	struct args *args = &call->context->args;

	if (!args_parse(args, options, usage, err) ||
	    !args_count(args, 1, 1, usage, err) ||
	    !take_number("wait", wait, &call->wait_s, err) ||
	    !take_number("limit", limit, &call->limit_s, err) ||
	    !take_number("tries", tries, &call->tries, err) ||
	    !take_number("pause", pause, &call->pause_s, err))
		return false;
	call->name = args->argv[1];
	return true;
}

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

static bool is_up(const struct call *call)
{
	struct link_note note;

	link_note_read(call->context->root_fd, call->name, &note);
	return note.up;
}

static pid_t start(const struct call *call, const char *line, struct err *err)
{
	pid_t pid = fork();

	if (pid < 0)
		err_errno(err, "start \"%.80s\"", line);
	if (pid != 0)
		return pid;
	/* A group of its own: it may start others. */
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (setenv("LONTAR_LINK", call->name, 1) != 0 ||
	    setenv("LONTAR_ROOT", call->context->root, 1) != 0)
		_exit(EX_OSERR);
	execl("/bin/sh", "sh", "-c", line, (char *)NULL);
	_exit(EX_OSERR);
}

static void look_later(void)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };

	nanosleep(&pause, NULL);
}

/* False: it has ended, and *status_out says how, unless an event loop was told before us
 * (work_alone's). */
static bool goes_on(pid_t *pid, int *status_out)
{
	pid_t ended;

	if (!*pid)
		return false;
	*status_out = 0;
	ended = waitpid(*pid, status_out, WNOHANG);
	if (ended == 0 || (ended < 0 && errno == EINTR))
		return true;
	*pid = 0;
	return false;
}

static void end_dialler(struct call *call)
{
	int64_t until_ms = clock_monotonic_ms() + 2000;
	int ignored;

	if (call->dialler)
		kill(-call->dialler, SIGTERM);
	while (goes_on(&call->dialler, &ignored)) {
		if (clock_monotonic_ms() > until_ms)
			kill(-call->dialler, SIGKILL);
		look_later();
	}
}

/* One try. *busy_out: the command said no. */
static bool dial_once(struct call *call, bool *busy_out, struct err *err)
{
	int64_t until_ms = clock_monotonic_ms() + (int64_t)call->wait_s * 1000;
	int status = 0;
	bool ended = false;

	*busy_out = false;
	call->dialler = start(call, call->link.dial, err);
	if (call->dialler < 0) {
		call->dialler = 0;
		return false;
	}
	while (!is_up(call)) {
		if (told_to_stop)
			return err_exit(err, EX_TEMPFAIL, "told to stop");
		if (!ended && !goes_on(&call->dialler, &status)) {
			ended = true;
			*busy_out = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
		}
		if (*busy_out)
			return err_exit(err, EX_TEMPFAIL,
					"the dial command failed (%d): busy, or see "
					"control/links/%s",
					WIFEXITED(status) ? WEXITSTATUS(status)
							  : 128 + WTERMSIG(status),
					call->name);
		if (clock_monotonic_ms() > until_ms)
			return err_exit(err, EX_TEMPFAIL,
					"%s did not come up in %u s; does a hook, or the "
					"dial command, say `lontar link up %s`?",
					call->name, (unsigned)call->wait_s, call->name);
		look_later();
	}
	return true;
}

static void hang_up(struct call *call)
{
	int64_t until_ms = clock_monotonic_ms() + HANGUP_MS;
	pid_t pid = 0;
	struct err err;
	int status;

	if (call->link.hangup)
		pid = start(call, call->link.hangup, &err);
	while (pid > 0 && goes_on(&pid, &status) && clock_monotonic_ms() < until_ms)
		look_later();
	end_dialler(call);
	/* Where no hook does. */
	if (is_up(call) &&
	    !tell_link(call->context, call->name, false, (struct span){ "", 0 }, &err))
		fprintf(stderr, "lontar call: %s\n", err.text);
}

static bool dial(struct call *call, struct err *err)
{
	uint64_t pause_s = call->pause_s;
	bool busy;

	if (!call->link.dial)
		return err_exit(err, EX_CONFIG,
				"control/links/%s says not how to dial; add a line "
				"\"dial COMMAND\"",
				call->name);
	for (uint64_t i = 1;; i++) {
		int64_t until_ms;

		if (dial_once(call, &busy, err))
			return true;
		hang_up(call);
		if (!busy || i >= call->tries)
			return false;
		fprintf(stderr, "lontar call: %s; again in %u s\n", err->text,
			(unsigned)pause_s);
		until_ms = clock_monotonic_ms() + (int64_t)pause_s * 1000;
		while (!told_to_stop && clock_monotonic_ms() < until_ms)
			look_later();
		pause_s = pause_s * 2 > PAUSE_MAX_S ? PAUSE_MAX_S : pause_s * 2;
	}
}

static bool put_names(const struct settings_list *list, struct buf *names,
		      struct err *err)
{
	for (size_t i = 0; i < list->count; i++)
		if (!buf_appendf(names, "%s\n", list->lines[i]))
			return err_exit(err, EX_CONFIG, "too many names");
	return true;
}

/* Everything that the link serves, both ways at once. */
static bool work(struct call *call, struct err *err)
{
	AUTO_BUF smarthosts = BUF_INIT(COMMAND_NAMES_MAX);
	AUTO_BUF pickups = BUF_INIT(COMMAND_NAMES_MAX);
	struct link_ask asks[] = { { .type = LINK_FLUSH }, { .type = LINK_PICKUP } };
	struct alone_wish wish = { .flushes = true,
				   .fetches = true,
				   .limit_s = (unsigned)call->limit_s };
	struct link_limit limit = { .stop = &told_to_stop };

	if (!put_names(&call->link.smarthosts, &smarthosts, err) ||
	    !put_names(&call->link.pickups, &pickups, err))
		return false;
	wish.smarthosts = asks[0].names = buf_span(&smarthosts);
	wish.pickups = asks[1].names = buf_span(&pickups);
	if (call->limit_s)
		limit.until_ms = clock_monotonic_ms() + (int64_t)call->limit_s * 1000;
	asks[0].fd = channel_connect(call->context->root_fd, "link", err);
	if (asks[0].fd < 0)
		return err->exit_code == EX_UNAVAILABLE &&
		       work_alone(call->context, &wish, err);
	asks[1].fd = channel_connect(call->context->root_fd, "link", err);
	if (asks[1].fd >= 0)
		return ask_link(asks, LENGTH(asks), &limit, err);
	file_close(&asks[0].fd);
	return false;
}

static bool call_up(struct call *call, struct err *err)
{
	AUTO_FD lock_fd = link_call_take(call->context->root_fd, call->name, err);
	bool done;

	if (lock_fd < 0)
		return false;
	if (is_up(call))
		return work(call, err);
	if (!dial(call, err))
		return false;
	done = work(call, err);
	hang_up(call);
	return done;
}

bool command_call(struct command_context *context, struct err *err)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct call call = { .context = context,
			     .wait_s = 90,
			     .limit_s = 3600,
			     .tries = 3,
			     .pause_s = 30 };
	bool done;

	if (!take_options(&call, err) || !take_link(&call, err))
		return false;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	done = call_up(&call, err);
	linkfile_clear(&call.link);
	return done;
}
