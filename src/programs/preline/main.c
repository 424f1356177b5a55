/*
 * preline [-dfr] PROGRAM...: PROGRAM gets UFLINE, RPLINE and DTLINE in front of the
 * message, as mailers that are used to other systems want it. -f, -r, -d: without the
 * From, Return-Path, Delivered-To line; -F, -R, -D: with it.
 *
 * A program that does not read to the end is no failure: its exit code counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "deliver/qmail_command.h"

static const char usage[] = "preline [-dfrDFR] PROGRAM [ARGUMENT...]";

struct lines {
	bool from, return_path, delivered_to;
};

static bool write_line(int fd, const char *variable, struct err *err)
{
	const char *line = getenv(variable);

	return !line || file_write(fd, line, strlen(line), err);
}

/* False: it would not read on. */
static bool feed(int fd, const struct lines *lines)
{
	char piece[64 * 1024];
	struct err ignored;
	ssize_t got;

	if ((lines->from && !write_line(fd, "UFLINE", &ignored)) ||
	    (lines->return_path && !write_line(fd, "RPLINE", &ignored)) ||
	    (lines->delivered_to && !write_line(fd, "DTLINE", &ignored)))
		return false;
	while ((got = read(STDIN_FILENO, piece, sizeof(piece))) != 0) {
		if (got < 0 && errno != EINTR)
			return false;
		if (got > 0 && !file_write(fd, piece, (size_t)got, &ignored))
			return false;
	}
	return true;
}

static int run(char **words, const struct lines *lines)
{
	int ends[2], status = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		return QMAIL_EXIT_LATER;
	if (pid == 0) {
		if (dup2(ends[0], STDIN_FILENO) == STDIN_FILENO)
			execvp(words[0], words);
		fprintf(stderr, "preline: %s: %s\n", words[0], strerror(errno));
		_exit(QMAIL_EXIT_LATER);
	}
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	(void)feed(ends[1], lines);
	close(ends[1]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return QMAIL_EXIT_LATER;
	return WIFEXITED(status) ? WEXITSTATUS(status) : QMAIL_EXIT_LATER;
}

int main(int argc, char **argv)
{
	struct lines lines = { true, true, true };
	int option;

	while ((option = getopt(argc, argv, "+dfrDFR")) != -1) {
		switch (option) {
		case 'd':
		case 'D':
			lines.delivered_to = option == 'D';
			break;
		case 'f':
		case 'F':
			lines.from = option == 'F';
			break;
		case 'r':
		case 'R':
			lines.return_path = option == 'R';
			break;
		default:
			return qmail_command_misuse(usage);
		}
	}
	if (optind == argc)
		return qmail_command_misuse(usage);
	return run(argv + optind, &lines);
}
