#include "programs/lontar/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "ipc/master.h"

#define ZONE_MAX 128 /* of TZ */

int spawn_open(const char *program, struct err *err)
{
	char own[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
	AUTO_FD folder = -1;
	int fd;

	if (len < 0) {
		err_errno(err, "read /proc/self/exe");
		return -1;
	}
	own[len] = '\0';
	*strrchr(own, '/') = '\0';
	folder = open(own[0] ? own : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = folder < 0 ? -1 : openat(folder, program, O_PATH | O_CLOEXEC);
	if (fd < 0) {
		err_errno(err, "open %s/%s", own, program);
		err->exit_code = EX_UNAVAILABLE;
	}
	return fd;
}

/* Puts fd at its number, first moving away what it might overwrite. */
static bool place(int fd, int number)
{
	if (fd == number)
		return fcntl(fd, F_SETFD, 0) == 0;
	return dup2(fd, number) == number;
}

/* A link's windows are by the clock on the wall: TZ. */
static void make_environment(char *environment_out[4], char zone_out[ZONE_MAX])
{
	static char debug[] = "LONTAR_DEBUG=1",
		    path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
	const char *zone = getenv("TZ");
	size_t count = 0;

	environment_out[count++] = path;
	if (getenv("LONTAR_DEBUG"))
		environment_out[count++] = debug;
	if (zone && strlen(zone) < ZONE_MAX - sizeof("TZ=")) {
		snprintf(zone_out, ZONE_MAX, "TZ=%s", zone);
		environment_out[count++] = zone_out;
	}
	environment_out[count] = NULL;
}

static _Noreturn void become(const struct spawn_order *order, int channel, int says)
{
	char zone[ZONE_MAX];
	char *environment[4];
	char program[32], arguments[SPAWN_ARGUMENTS_MAX][300];
	char *words[1 + SPAWN_ARGUMENTS_MAX + 1] = { program };
	AUTO_FD silence = open("/dev/null", O_RDWR);
	/* Above all numbers that are given out below. */
	int high = fcntl(channel, F_DUPFD_CLOEXEC, 10);
	int private = order->private_fd < 0
			      ? -1
			      : fcntl(order->private_fd, F_DUPFD_CLOEXEC, 10);
	int root = fcntl(order->root_fd, F_DUPFD_CLOEXEC, 10);
	int binary = fcntl(order->program_fd, F_DUPFD_CLOEXEC, 10);
	int out = fcntl(says, F_DUPFD_CLOEXEC, 10);
	sigset_t none;
	struct err err = { 0 };

	make_environment(environment, zone);
	snprintf(program, sizeof(program), "%s", order->program);
	for (size_t i = 0; i < LENGTH(arguments) && order->arguments[i]; i++) {
		snprintf(arguments[i], sizeof(arguments[i]), "%s", order->arguments[i]);
		words[1 + i] = arguments[i];
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* Ctrl-C goes to the whole foreground group: it is the master who ends us. */
	signal(SIGINT, SIG_IGN);
	umask(022);
	log_divert(NULL);
	/* Whoever started us may have left us more open than we know. */
	close_range(MASTER_FD, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	if (place(silence, STDIN_FILENO) && place(out, STDOUT_FILENO) &&
	    place(out, STDERR_FILENO) && place(high, MASTER_FD) &&
	    (private < 0 || place(private, PRIVATE_FD)) && fchdir(root) == 0 &&
	    privilege_become(order->identity, &err))
		execveat(binary, "", words, environment, AT_EMPTY_PATH);
	if (err.kind == ERR_NONE)
		err_errno(&err, "execute %s", order->program);
	log_failure(&err);
	_exit(EX_UNAVAILABLE);
}

bool spawn(const struct spawn_order *order, struct spawned *spawned_out, struct err *err)
{
	int channel[2] = { -1, -1 }, says[2] = { -1, -1 };

	if (!file_socketpair(channel, err))
		return false;
	spawned_out->pid = -1;
	if (pipe2(says, O_CLOEXEC) != 0)
		err_errno(err, "pipe");
	else if ((spawned_out->pid = fork()) == 0)
		become(order, channel[1], says[1]);
	else if (spawned_out->pid < 0)
		err_errno(err, "fork");
	file_close(&channel[1]);
	file_close(&says[1]);
	spawned_out->channel_fd = channel[0];
	spawned_out->says_fd = says[0];
	if (spawned_out->pid > 0)
		return true;
	file_close(&spawned_out->channel_fd);
	file_close(&spawned_out->says_fd);
	return false;
}
