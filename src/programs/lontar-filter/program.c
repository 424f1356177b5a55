#include "programs/lontar-filter/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "ipc/master.h"

#define ENVELOPE_MAX    ((size_t)1024 * 1024)
#define ENVIRONMENT_MAX ((size_t)32 * 1024)
#define VARIABLES_MAX   20
#define PIECE_BYTES     65536
/* Where it may say why: of netqmail's patch and of notqmail. */
#define SAYS_FD       4
#define SAYS_OTHER_FD 6

enum end { /* of the pipes to it, ours */
	MESSAGE,
	ENVELOPE,
	SAYS,
	PID,
	BOSS,
	ENDS
};

struct feeding {
	struct program *program;
	int fds[ENDS];
	size_t told; /* of the envelope */
	size_t said;
	char *text;
};

void program_init(struct program *program)
{
	*program = (struct program){ .message_fd = -1,
				     .envelope = BUF_INIT(ENVELOPE_MAX),
				     .environment = BUF_INIT(ENVIRONMENT_MAX) };
}

void program_clear(struct program *program)
{
	file_close(&program->message_fd);
	buf_clear(&program->envelope);
	buf_clear(&program->environment);
}

static _Noreturn void become(struct program *program, int message, int envelope, int says)
{
	char *words[] = { program->path, NULL };
	char *environment[VARIABLES_MAX + 1] = { NULL };
	char *at = program->environment.data, *end = at + program->environment.len;
	sigset_t none;

	for (size_t i = 0; i < VARIABLES_MAX && at < end; i++, at += strlen(at) + 1)
		environment[i] = at;
	/* Above all numbers that are given out below. */
	message = fcntl(message, F_DUPFD_CLOEXEC, 10);
	envelope = fcntl(envelope, F_DUPFD_CLOEXEC, 10);
	says = fcntl(says, F_DUPFD_CLOEXEC, 10);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	setpgid(0, 0);
	/* Nobody would hear what it says. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (syscall(SYS_close_range, 3, 9, 0) == 0 && dup2(message, 0) == 0 &&
	    dup2(envelope, 1) == 1 && dup2(says, SAYS_FD) == SAYS_FD &&
	    dup2(says, SAYS_OTHER_FD) == SAYS_OTHER_FD)
		execve(program->path, words, environment);
	_exit(QUEUE_EXIT_NO_START);
}

/* A program that stops reading has its reason: its exit code tells. */
static void feed_message(struct feeding *feeding)
{
	char piece[PIECE_BYTES];
	struct program *program = feeding->program;
	ssize_t got = pread(program->message_fd, piece, sizeof(piece), program->from);
	ssize_t put = got > 0 ? write(feeding->fds[MESSAGE], piece, (size_t)got) : 0;

	if (put > 0)
		program->from += put;
	else if (got == 0 || (errno != EAGAIN && errno != EINTR))
		file_close(&feeding->fds[MESSAGE]);
}

static void feed_envelope(struct feeding *feeding)
{
	struct buf *envelope = &feeding->program->envelope;
	ssize_t put = write(feeding->fds[ENVELOPE], envelope->data + feeding->told,
			    envelope->len - feeding->told);

	if (put > 0)
		feeding->told += (size_t)put;
	if (feeding->told == envelope->len ||
	    (put < 0 && errno != EAGAIN && errno != EINTR))
		file_close(&feeding->fds[ENVELOPE]);
}

static void hear(struct feeding *feeding)
{
	char piece[QUEUE_EXIT_TEXT_MAX];
	ssize_t got = read(feeding->fds[SAYS], piece, sizeof(piece));

	if (got <= 0 && (got == 0 || errno != EINTR)) {
		file_close(&feeding->fds[SAYS]);
		return;
	}
	for (ssize_t i = 0; i < got && feeding->said + 1 < QUEUE_EXIT_TEXT_MAX; i++)
		feeding->text[feeding->said++] =
			(char)(piece[i] >= ' ' && piece[i] <= '~' ? piece[i] : ' ');
	feeding->text[feeding->said] = '\0';
}

/* True: it has ended by itself. */
static bool feed(struct feeding *feeding)
{
	int64_t until =
		clock_monotonic_ms() + (int64_t)feeding->program->timeout_s * 1000;

	for (;;) {
		struct pollfd all[ENDS];
		int64_t left = until - clock_monotonic_ms();

		for (int i = 0; i < ENDS; i++)
			all[i] = (struct pollfd){ .fd = feeding->fds[i],
						  .events = i <= ENVELOPE ? POLLOUT
									  : POLLIN };
		if (left <= 0)
			return false;
		if (poll(all, ENDS, left > INT_MAX ? INT_MAX : (int)left) < 0) {
			if (errno == EINTR)
				continue;
			return false;
		}
		if (all[MESSAGE].revents)
			feed_message(feeding);
		if (all[ENVELOPE].revents)
			feed_envelope(feeding);
		if (all[SAYS].revents)
			hear(feeding);
		if (all[PID].revents)
			return true;
		if (all[BOSS].revents)
			return false;
	}
}

static unsigned end_of(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return QUEUE_EXIT_LATER;
	return WIFSIGNALED(status) ? 128U + (unsigned)WTERMSIG(status)
				   : (unsigned)WEXITSTATUS(status);
}

static unsigned run(struct feeding *feeding, pid_t pid)
{
	bool ended;
	unsigned code;

	feeding->fds[PID] = (int)syscall(SYS_pidfd_open, pid, 0);
	feeding->fds[BOSS] = PRIVATE_FD;
	fcntl(feeding->fds[MESSAGE], F_SETFL, O_NONBLOCK);
	fcntl(feeding->fds[ENVELOPE], F_SETFL, O_NONBLOCK);
	fcntl(feeding->fds[SAYS], F_SETFL, O_NONBLOCK);
	ended = feeding->fds[PID] >= 0 && feed(feeding);
	if (!ended)
		kill(-pid, SIGKILL);
	code = end_of(pid);
	if (feeding->fds[SAYS] >= 0)
		hear(feeding);
	return ended ? code : QUEUE_EXIT_TIMEOUT;
}

unsigned program_run(struct program *program, char text_out[QUEUE_EXIT_TEXT_MAX])
{
	struct feeding feeding = { .program = program,
				   .text = text_out,
				   .fds = { -1, -1, -1, -1, -1 } };
	int message[2], envelope[2], says[2];
	unsigned code = QUEUE_EXIT_LATER;
	pid_t pid;

	text_out[0] = '\0';
	if (pipe2(message, O_CLOEXEC) != 0 || pipe2(envelope, O_CLOEXEC) != 0 ||
	    pipe2(says, O_CLOEXEC) != 0)
		return code; /* this process ends with it */
	pid = fork();
	if (pid == 0)
		become(program, message[0], envelope[0], says[1]);
	file_close(&message[0]);
	file_close(&envelope[0]);
	file_close(&says[1]);
	feeding.fds[MESSAGE] = message[1];
	feeding.fds[ENVELOPE] = envelope[1];
	feeding.fds[SAYS] = says[0];
	if (pid > 0)
		code = run(&feeding, pid);
	for (int i = 0; i <= PID; i++)
		file_close(&feeding.fds[i]);
	return code;
}
