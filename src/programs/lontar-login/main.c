/*
 * lontar-login: logs in at providers that want OAuth 2, and fetches their tokens. `lontar
 * login` and `lontar token` start it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "control/root.h"
#include "programs/lontar-login/login.h"

bool place_open(struct place *place, struct err *err)
{
	place->root_fd = file_open_dir(AT_FDCWD, ".", err);
	if (place->root_fd < 0)
		return false;
	place->control_fd = root_control(place->root_fd, err);
	return place->control_fd >= 0;
}

int main(int argc, char **argv)
{
	struct place place = { -1, -1 };
	struct args args = { argc - 1, argv + 1 };
	struct err err = { 0 };
	bool done;

	log_open("lontar");
	signal(SIGPIPE, SIG_IGN);
	if (argc > 1 && strcmp(argv[1], "token") == 0)
		done = token_run(&place, &args, &err);
	else if (argc > 1 && strcmp(argv[1], "login") == 0)
		done = login_run(&place, &args, &err);
	else
		done = err_exit(&err, EX_USAGE, "say `lontar login` or `lontar token`");
	if (done && fflush(stdout) != 0)
		done = err_errno(&err, "write to stdout");
	if (!done && err.text[0])
		fprintf(stderr, "lontar %s: %.*s\n", argc > 1 ? argv[1] : "login",
			(int)strcspn(err.text, "\r\n"), err.text);
	return done ? EX_OK : err_exit_code(&err);
}
