#include "deliver/qmail_command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "control/root.h"
#include "deliver/inject.h"

#define NOT_FOUND 127 /* as sh says it */

int qmail_command_run(char *const *words)
{
	pid_t pid;
	int status;

	if (lseek(STDIN_FILENO, 0, SEEK_SET) != 0 && errno != ESPIPE)
		return QMAIL_EXIT_LATER;
	pid = fork();
	if (pid == 0) {
		execvp(words[0], words);
		_exit(errno == ENOENT ? NOT_FOUND : QMAIL_EXIT_LATER);
	}
	if (pid < 0)
		return QMAIL_EXIT_LATER;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return QMAIL_EXIT_LATER;
	if (!WIFEXITED(status))
		return QMAIL_EXIT_LATER;
	return WEXITSTATUS(status) == NOT_FOUND ? QMAIL_NOT_RUN : WEXITSTATUS(status);
}

int qmail_command_message(struct err *err)
{
	char piece[64 * 1024];
	ssize_t got;
	int fd;

	if (lseek(STDIN_FILENO, 0, SEEK_SET) == 0)
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		err_errno(err, "a temporary file");
		return -1;
	}
	while ((got = read(STDIN_FILENO, piece, sizeof(piece))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got > 0 && file_write(fd, piece, (size_t)got, err))
			continue;
		if (got < 0)
			err_errno(err, "read the message");
		file_close(&fd);
		return -1;
	}
	return fd;
}

bool qmail_command_forward(const char *sender_variable, char *const *recipients,
			   size_t count, struct err *err)
{
	const char *sender = getenv(sender_variable), *line = getenv("DTLINE");
	AUTO_FD root_fd = -1;
	AUTO_FD fd = -1;
	struct inject inject = { .recipients = (const char *const *)recipients,
				 .count = count };

	if (!sender || !line)
		return err_permanent(err, "",
				     "%s and DTLINE are not set: this is for "
				     ".qmail files",
				     sender_variable);
	root_fd = root_open(NULL, err);
	if (root_fd < 0) {
		err->kind = ERR_TEMPORARY;
		return false;
	}
	fd = qmail_command_message(err);
	inject.sender = sender;
	inject.head = span_of(line);
	inject.fd = fd;
	return fd >= 0 && inject_message(root_fd, &inject, err);
}

int qmail_command_fail(const char *program, const struct err *err)
{
	fprintf(stderr, "%s: %s\n", program, err->text);
	return err->kind == ERR_PERMANENT ? QMAIL_EXIT_NEVER : QMAIL_EXIT_LATER;
}

int qmail_command_misuse(const char *usage)
{
	fprintf(stderr, "usage: %s\n", usage);
	return QMAIL_EXIT_NEVER;
}
