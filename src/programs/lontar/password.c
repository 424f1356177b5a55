#include "programs/lontar/password.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

void password_free(char *password)
{
	if (password)
		explicit_bzero(password, strlen(password));
	free(password);
}

/* One line without its end; NULL at the end of stdin. */
static char *read_line(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len = getline(&line, &room, stdin);

	if (len < 0) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\r\n")] = '\0';
	return line;
}

static char *read_unseen(const char *prompt, const char *user)
{
	struct termios seen, unseen;
	bool is_set = tcgetattr(STDIN_FILENO, &seen) == 0;
	char *line;

	fprintf(stderr, "%s %s: ", prompt, user);
	unseen = seen;
	unseen.c_lflag &= ~(tcflag_t)ECHO;
	if (is_set)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen);
	line = read_line();
	if (is_set)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &seen);
	fputc('\n', stderr);
	return line;
}

char *password_ask(const char *user, struct err *err)
{
	bool on_terminal = isatty(STDIN_FILENO);
	char *first = on_terminal ? read_unseen("password for", user) : read_line();
	char *second;
	bool same;

	if (!first || !first[0]) {
		err_exit(err, EX_USAGE,
			 "no password for %s on stdin; give it there, a line each, or as "
			 "%s:PASSWORD",
			 user, user);
		password_free(first);
		return NULL;
	}
	if (!on_terminal)
		return first;
	second = read_unseen("once more for", user);
	same = second && strcmp(first, second) == 0;
	password_free(second);
	if (same)
		return first;
	err_exit(err, EX_USAGE, "the two passwords for %s differ; try again", user);
	password_free(first);
	return NULL;
}
