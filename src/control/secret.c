#include "control/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"

/* The first line of buf as the caller's own; buf is wiped. */
static char *take_line(struct buf *buf)
{
	size_t len = 0;
	char *line;

	while (len < buf->len && !strchr("\r\n", buf->data[len]))
		len++;
	line = must_alloc(len + 1);
	memcpy(line, buf->data, len);
	if (buf->len)
		explicit_bzero(buf->data, buf->len);
	return line;
}

char *secret_read(int control_fd, const char *path, struct err *err)
{
	AUTO_BUF text = BUF_INIT(SECRET_MAX);
	struct stat st;
	const char *below = path[0] == '/' ? "" : "control/";
	char *line;

	if (fstatat(control_fd, path, &st, 0) != 0) {
		err_errno(err, "secret file %s%s", below, path);
		err->exit_code = EX_CONFIG;
		return NULL;
	}
	if (st.st_mode & S_IRWXO) {
		err_exit(err, EX_CONFIG,
			 "secret file %s%s is open to everyone; chmod 600 it", below,
			 path);
		return NULL;
	}
	/* One that grows past this was never a secret; one piece, so that nothing is left
	 * behind in memory that was moved. */
	if (!buf_reserve(&text, SECRET_MAX) || !file_read(control_fd, path, &text, err))
		return NULL;
	line = take_line(&text);
	if (line[0])
		return line;
	err_exit(err, EX_CONFIG, "secret file %s%s is empty; write the secret into it",
		 below, path);
	free(line);
	return NULL;
}

static _Noreturn void run_child(int control_fd, const char *command, int out_fd)
{
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char root[PATH_MAX];

	if (getcwd(root, sizeof(root)))
		setenv("LONTAR_ROOT", root, 1);

	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 ||
	    dup2(out_fd, STDOUT_FILENO) < 0 || fchdir(control_fd) != 0)
		_exit(EX_OSERR);
	setpgid(0, 0);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(EX_OSERR);
}

/* What it prints until it closes its end; false at the deadline or past the ceiling. */
static bool gather(int fd, struct buf *out)
{
	int64_t deadline = clock_monotonic_ms() + (int64_t)SECRET_COMMAND_S * 1000;

	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - clock_monotonic_ms();
		char *room = buf_reserve(out, 1024);
		ssize_t got;

		if (left <= 0 || !room)
			return false;
		if (poll(&poll_fd, 1, (int)left) <= 0)
			continue;
		got = read(fd, room, 1024);
		if (got == 0)
			return true;
		if (got < 0 && errno != EINTR)
			return false;
		if (got > 0)
			buf_wrote(out, (size_t)got);
	}
}

int secret_start(int control_fd, const char *command, pid_t *pid_out, struct err *err)
{
	AUTO_FD to = -1;
	int pipe_fds[2];

	if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
		err_errno(err, "tokencommand");
		return -1;
	}
	to = pipe_fds[1];
	*pid_out = fork();
	if (*pid_out == 0)
		run_child(control_fd, command, to);
	if (*pid_out < 0) {
		err_errno(err, "tokencommand: fork");
		file_close(&pipe_fds[0]);
		return -1;
	}
	setpgid(*pid_out, *pid_out); /* whoever comes first */
	return pipe_fds[0];
}

char *secret_finish(struct buf *printed, bool complete, int status, const char *command,
		    struct err *err)
{
	if (complete && WIFEXITED(status) && WEXITSTATUS(status) == 0 && printed->len)
		return take_line(printed);
	if (printed->len)
		explicit_bzero(printed->data, printed->len);
	if (complete && WIFEXITED(status) && WEXITSTATUS(status) == EX_NOPERM) {
		err_exit(err, EX_NOPERM,
			 "tokencommand says that somebody must log in first: %.200s",
			 command);
		return NULL;
	}
	err_temporary(err, "4.7.0",
		      "tokencommand gave no token within %d seconds; run it by hand: "
		      "%.200s",
		      SECRET_COMMAND_S, command);
	return NULL;
}

char *secret_run(int control_fd, const char *command, struct err *err)
{
	AUTO_BUF text = BUF_INIT(SECRET_MAX);
	AUTO_FD from = -1;
	int status = 0;
	bool complete;
	pid_t pid;

	from = secret_start(control_fd, command, &pid, err);
	if (from < 0)
		return NULL;
	complete = gather(from, &text);
	if (!complete)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return secret_finish(&text, complete, status, command, err);
}
