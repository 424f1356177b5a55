#include "programs/lontar-checkpw/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#define WORDS_MAX 64
#define INPUT_MAX 512 /* checkpassword reads no more */
#define INPUT_FD  3

enum {
	RIGHT = 0,
	WRONG = 1
}; /* its exit codes; all others are temporary */

/* What it runs for a right password, as the user: its exit code is then the answer. */
static char after[] = "/bin/true";

static _Noreturn void become(char *command, int input)
{
	char *words[WORDS_MAX + 2], *rest = command;
	size_t count = 0;

	for (char *word; count < WORDS_MAX && (word = strsep(&rest, " \t"));)
		if (*word)
			words[count++] = word;
	words[count++] = after;
	words[count] = NULL;
	/* dup2 to itself would leave close-on-exec as it is. */
	if (input == INPUT_FD ? fcntl(input, F_SETFD, 0) == 0
			      : dup2(input, INPUT_FD) == INPUT_FD)
		execvp(words[0], words);
	log_error("control/checkpassword: %s: %s", words[0], strerror(errno));
	_exit(EX_UNAVAILABLE);
}

static enum auth_verdict wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return AUTH_LATER;
	if (WIFEXITED(status) && WEXITSTATUS(status) == RIGHT)
		return AUTH_YES;
	if (WIFEXITED(status) && WEXITSTATUS(status) == WRONG)
		return AUTH_NO;
	if (WIFEXITED(status))
		log_warning("control/checkpassword: the program ended with code %d",
			    WEXITSTATUS(status));
	else
		log_warning("control/checkpassword: the program ended by signal %d",
			    WTERMSIG(status));
	return AUTH_LATER;
}

/* login NUL password NUL timestamp NUL */
static bool put_input(struct buf *input, const char *user, const char *password)
{
	return buf_append(input, user, strlen(user) + 1) &&
	       buf_append(input, password, strlen(password) + 1) &&
	       buf_appendf(input, "%" PRId64, clock_wall_s()) &&
	       buf_append_byte(input, '\0');
}

enum auth_verdict command_verdict(const char *command, const char *user,
				  const char *password)
{
	AUTO_BUF input = BUF_INIT(INPUT_MAX);
	char *words = must_copy(command);
	int ends[2];
	pid_t child = -1;
	struct err err = { 0 };
	bool fits = put_input(&input, user, password);

	/* Nobody's: checkpassword would say so. */
	if (!fits) {
		free(words);
		return AUTH_NO;
	}
	if (pipe2(ends, O_CLOEXEC) != 0)
		err_errno(&err, "pipe");
	else if ((child = fork()) == 0)
		become(words, ends[0]);
	else if (child < 0)
		err_errno(&err, "fork");
	free(words);
	if (err.kind) {
		log_failure(&err);
		return AUTH_LATER;
	}
	file_close(&ends[0]);
	/* It fits a pipe; a program that does not read it has its own reasons. */
	(void)!file_write(ends[1], input.data, input.len, &err);
	explicit_bzero(input.data, input.len);
	file_close(&ends[1]);
	return wait_for(child);
}
