/* The line: what brings it up and down. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "link/call.h"
#include "link/notes.h"
#include "programs/lontar/call.h"
#include "programs/lontar/tell_link.h"

#define LOOK_MS     100
#define HANGUP_MS   INT64_C(60000)
#define PAUSE_MAX_S 900

bool call_is_up(const struct call *call)
{
	struct link_note note;

	link_note_read(call->context->root_fd, call->name, &note);
	return note.up;
}

static pid_t start(const struct call *call, const char *line, struct err *err)
{
	char root[PATH_MAX];
	pid_t pid = fork();

	if (pid < 0)
		err_errno(err, "start \"%.80s\"", line);
	if (pid != 0)
		return pid;
	/* A group of its own: it may start others. */
	setpgid(0, 0);
	if (line == call->link.dial)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (setenv("LONTAR_LINK", call->name, 1) != 0 ||
	    !realpath(call->context->root, root) || setenv("LONTAR_ROOT", root, 1) != 0)
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
	if (!link_call_mark(call->lock_fd, true, err))
		return false;
	call->dialler = start(call, call->link.dial, err);
	if (call->dialler < 0) {
		call->dialler = 0;
		return false;
	}
	while (!call_is_up(call)) {
		if (*call->stop)
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

void call_hang_up(struct call *call)
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
	if (call_is_up(call) &&
	    !tell_link(call->context, call->name, false, (struct span){ "", 0 }, &err))
		fprintf(stderr, "lontar call: %s\n", err.text);
	if (!link_call_mark(call->lock_fd, false, &err))
		fprintf(stderr, "lontar call: %s\n", err.text);
}

bool call_dial(struct call *call, struct err *err)
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
		call_hang_up(call);
		if (!busy || i >= call->tries)
			return false;
		fprintf(stderr, "lontar call: %s; again in %u s\n", err->text,
			(unsigned)pause_s);
		until_ms = clock_monotonic_ms() + (int64_t)pause_s * 1000;
		while (!*call->stop && clock_monotonic_ms() < until_ms)
			look_later();
		pause_s = pause_s * 2 > PAUSE_MAX_S ? PAUSE_MAX_S : pause_s * 2;
	}
}
