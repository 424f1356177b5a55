#include "deliver/qmail_program.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define EXIT_NO_START 111 /* as sh could not be executed: later */
#define MEMORY_MAX    (UINT64_C(1024) * 1024 * 1024)
#define FILE_MAX      (UINT64_C(2048) * 1024 * 1024)
#define PROCESSES_MAX 1000 /* of this user in all, so that a fork bomb ends */
#define FILES_MAX     256
#define COMMAND_MAX   ((size_t)64 * 1024)
#define DRAIN_MAX     (UINT64_C(1) * 1024 * 1024) /* read on after its end */

enum qmail_verdict qmail_program_verdict(int exit_code)
{
	static const int never[] = { 100,         112,         EX_USAGE,  EX_DATAERR,
				     EX_SOFTWARE, EX_PROTOCOL, EX_NOPERM, EX_CONFIG };

	if (exit_code == 0)
		return QMAIL_DONE;
	if (exit_code == 99)
		return QMAIL_STOP;
	for (size_t i = 0; i < LENGTH(never); i++)
		if (exit_code == never[i])
			return QMAIL_NEVER;
	return QMAIL_LATER;
}

static void limit(int resource, uint64_t most)
{
	struct rlimit limits;

	if (getrlimit(resource, &limits) != 0)
		return;
	if (limits.rlim_max == RLIM_INFINITY || limits.rlim_max > most)
		limits.rlim_max = most;
	limits.rlim_cur = limits.rlim_max;
	setrlimit(resource, &limits);
}

/* Of root nothing is left, not even what could be had back. */
static bool leave_root(const struct qmail_program *program)
{
	if (geteuid() != 0)
		return true;
	return program->uid != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       setgroups(1, &program->gid) == 0 &&
	       setresgid(program->gid, program->gid, program->gid) == 0 &&
	       setresuid(program->uid, program->uid, program->uid) == 0;
}

static _Noreturn void become(const struct qmail_program *program, int out)
{
	char shell[] = "sh", option[] = "-c", path[40];
	char *words[] = { shell, option, NULL, NULL };
	AUTO_BUF command = BUF_INIT(COMMAND_MAX);
	sigset_t none;
	int in;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", program->message_fd);
	if (!buf_append_text(&command, program->command))
		_exit(EXIT_NO_START);
	words[2] = command.data;
	in = open(path, O_RDONLY);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	setpgid(0, 0);
	umask(077);
	limit(RLIMIT_CORE, 0);
#ifndef __SANITIZE_ADDRESS__ /* which wants more than any address space */
	limit(RLIMIT_AS, MEMORY_MAX);
#endif
	limit(RLIMIT_FSIZE, FILE_MAX);
	limit(RLIMIT_NPROC, PROCESSES_MAX);
	limit(RLIMIT_NOFILE, FILES_MAX);
	limit(RLIMIT_CPU, program->timeout_s);
	if (in >= 0 &&
	    (program->home_fd == QMAIL_PROGRAM_STAYS || fchdir(program->home_fd) == 0) &&
	    dup2(in, STDIN_FILENO) == STDIN_FILENO &&
	    dup2(out, STDOUT_FILENO) == STDOUT_FILENO &&
	    dup2(out, STDERR_FILENO) == STDERR_FILENO && leave_root(program) &&
	    syscall(SYS_close_range, 3, UINT_MAX, 0) == 0)
		execve("/bin/sh", words, program->environment);
	_exit(EXIT_NO_START);
}

struct listening {
	int fd; /* what the program prints */
	char *text;
	size_t len;
	uint64_t heard;
};

/* False: nothing more now, or ever. */
static bool hear(struct listening *listening)
{
	char beyond[4096];
	size_t room = QMAIL_PROGRAM_OUTPUT_MAX - 1 - listening->len;
	ssize_t got = read(listening->fd, beyond, sizeof(beyond));
	size_t keep;

	if (got <= 0) {
		if (got == 0)
			file_close(&listening->fd);
		return got < 0 && errno == EINTR;
	}
	keep = (size_t)got < room ? (size_t)got : room;
	memcpy(listening->text + listening->len, beyond, keep);
	listening->len += keep;
	listening->heard += (uint64_t)got;
	return true;
}

enum watched {
	PROGRAM,
	OUTPUT,
	ALARM_1,
	ALARM_2,
	WATCHED
};

/* True: the program has ended by itself. */
static bool wait_for(const struct qmail_program *program, int pid_fd,
		     struct listening *listening)
{
	int64_t until = clock_monotonic_ms() + (int64_t)program->timeout_s * 1000;

	for (;;) {
		struct pollfd all[WATCHED] = {
			[PROGRAM] = { .fd = pid_fd, .events = POLLIN },
			[OUTPUT] = { .fd = listening->fd, .events = POLLIN },
			[ALARM_1] = { .fd = program->alarms[0] },
			[ALARM_2] = { .fd = program->alarms[1] },
		};
		int64_t left = until - clock_monotonic_ms();

		if (left <= 0)
			return false;
		if (poll(all, WATCHED, left > INT_MAX ? INT_MAX : (int)left) < 0) {
			if (errno == EINTR)
				continue;
			return false;
		}
		if (all[OUTPUT].revents)
			(void)hear(listening);
		if (all[PROGRAM].revents)
			return true;
		if (all[ALARM_1].revents || all[ALARM_2].revents)
			return false;
	}
}

static int end_of(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_NO_START;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static enum qmail_verdict tell(int exit_code, const char *output, struct err *err)
{
	enum qmail_verdict verdict = qmail_program_verdict(exit_code);
	const char *text = output[0] ? output : "the program printed no reason";

	if (verdict == QMAIL_NEVER)
		err_permanent(err, "5.3.0", "%s", text);
	else if (verdict == QMAIL_LATER && exit_code > 128)
		err_temporary(err, "4.3.0", "child crashed (signal %d): %s",
			      exit_code - 128, text);
	else if (verdict == QMAIL_LATER)
		err_temporary(err, "4.3.0", "%s", text);
	return verdict;
}

static void end_text(struct listening *listening)
{
	while (listening->len && listening->text[listening->len - 1] == '\n')
		listening->len--;
	for (size_t i = 0; i < listening->len; i++)
		if (!listening->text[i])
			listening->text[i] = '_';
	listening->text[listening->len] = '\0';
}

static enum qmail_verdict attend(const struct qmail_program *program, pid_t pid,
				 struct listening *listening, struct err *err)
{
	AUTO_FD pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	bool ended = pid_fd >= 0 && wait_for(program, pid_fd, listening);
	int exit_code;

	if (!ended) {
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL); /* it may not have made its group yet */
	}
	exit_code = end_of(pid);
	/* What it had printed by now; a child of its may hold the pipe for ever. */
	while (listening->fd >= 0 && listening->heard < DRAIN_MAX && hear(listening))
		;
	end_text(listening);
	if (ended)
		return tell(exit_code, listening->text, err);
	err_temporary(err, "4.3.0", "the program was killed: not done in %llu seconds",
		      (unsigned long long)program->timeout_s);
	return QMAIL_LATER;
}

enum qmail_verdict qmail_program_run(const struct qmail_program *program,
				     char output_out[QMAIL_PROGRAM_OUTPUT_MAX],
				     struct err *err)
{
	struct listening listening = { .fd = -1, .text = output_out };
	enum qmail_verdict verdict;
	int says[2];
	pid_t pid;

	output_out[0] = '\0';
	if (pipe2(says, O_CLOEXEC) != 0) {
		err_errno(err, "pipe");
		return QMAIL_LATER;
	}
	pid = fork();
	if (pid == 0)
		become(program, says[1]);
	close(says[1]);
	listening.fd = says[0];
	if (pid < 0) {
		err_errno(err, "fork");
		file_close(&listening.fd);
		return QMAIL_LATER;
	}
	fcntl(listening.fd, F_SETFL, O_NONBLOCK);
	verdict = attend(program, pid, &listening, err);
	file_close(&listening.fd);
	return verdict;
}
