/*
 * lontar: the operator's command. `lontar run` is the gateway's master; all others ask or
 * tell it, or work on the root where it does not run.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "control/root.h"
#include "programs/lontar/command.h"

static const struct {
	const char *name;
	command *run;
	bool needs_root; /* a root that `lontar init` made */
	const char *summary;
} commands[] = {
	{ "init", command_init, false, "make a ready root" },
	{ "run", command_run, true, "all services, in the foreground" },
	{ "listen", command_listen, true, "the ports in use" },
	{ "status", command_status, true, "the links, and what waits" },
	{ "stats", command_stats, false, "what the log says of the mail" },
	{ "queue", command_queue, true, "every parked message" },
	{ "flush", command_flush, true, "push what waits now" },
	{ "pickup", command_pickup, true, "fetch what waits at providers now" },
	{ "call", command_call, true, "dial, push and fetch, hang up" },
	{ "login", command_login, true, "log in at a provider that wants OAuth 2" },
	{ "token", command_token, true, "print a token of such a login" },
	{ "link", command_link, true, "tell that a link is up or down; show them" },
	{ "hold", command_hold, true, "keep parked messages here" },
	{ "release", command_release, true, "let held and uncertain ones go" },
	{ "first", command_first, true, "send these before all others" },
	{ "drop", command_drop, true, "take messages out of the queue" },
	{ "service", command_service, true, "stop, start or restart one service" },
	{ "user", command_user, true, "accounts: add, del, passwd, list" },
	{ "rebuild", command_rebuild, true, "compile the maps" },
	{ "check", command_check, true, "every setting, path and map" },
	{ "explain", command_explain, true, "where mail to an address would go" },
	{ "import-qmail", command_import_qmail, false, "move in from a qmail home" },
	{ "import-queue", command_import_queue, true,
	  "take another mailer's waiting mail" },
};

bool command_names(const struct args *args, struct buf *names_out, struct err *err)
{
	for (int i = 1; i < args->argc; i++)
		if (!buf_appendf(names_out, "%s\n", args->argv[i]))
			return err_exit(err, EX_USAGE, "too many names");
	return true;
}

static void print_usage(FILE *out)
{
	fprintf(out, "usage: lontar [--root DIR] COMMAND ...\n\n");
	for (size_t i = 0; i < LENGTH(commands); i++)
		fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
	fprintf(out,
		"\n`lontar COMMAND --help` says more. The root is --root, LONTAR_ROOT or "
		"%s.\n",
		ROOT_DEFAULT);
}

/* Takes --root DIR out of the words, wherever it stands; before a "--". */
static bool take_root(struct args *args, const char **root_out, struct err *err)
{
	int kept = 1, i = 1;

	for (; i < args->argc && strcmp(args->argv[i], "--") != 0; i++) {
		if (strncmp(args->argv[i], "--root=", 7) == 0)
			*root_out = args->argv[i] + 7;
		else if (strcmp(args->argv[i], "--root") != 0)
			args->argv[kept++] = args->argv[i];
		else if (i + 1 < args->argc)
			*root_out = args->argv[++i];
		else
			return err_exit(err, EX_USAGE,
					"a folder is missing after --root");
	}
	for (; i < args->argc; i++)
		args->argv[kept++] = args->argv[i];
	args->argv[kept] = NULL;
	args->argc = kept;
	return true;
}

/* --help or --version, which args_parse answers. */
static bool only_asks(const struct args *args)
{
	for (int i = 1; i < args->argc && strcmp(args->argv[i], "--") != 0; i++)
		if (strcmp(args->argv[i], "--help") == 0 ||
		    strcmp(args->argv[i], "--version") == 0)
			return true;
	return false;
}

static bool run_command(size_t i, struct command_context *context,
			const char *root_option, struct err *err)
{
	context->root = root_path(root_option);
	context->root_fd = context->control_fd = -1;
	/* A command's help needs no root. */
	if (commands[i].needs_root && !only_asks(&context->args)) {
		context->root_fd = root_open(root_option, err);
		if (context->root_fd < 0)
			return false;
		context->control_fd = root_control(context->root_fd, err);
		if (context->control_fd < 0)
			return false;
	}
	if (!commands[i].run(context, err))
		return false;
	return fflush(stdout) == 0 ? true : err_errno(err, "write to stdout");
}

static int say(const char *name, const struct err *err)
{
	fflush(stdout);
	if (err->text[0])
		fprintf(stderr, "lontar%s%s: %.*s\n", name ? " " : "", name ? name : "",
			(int)strcspn(err->text, "\r\n"), err->text);
	return err_exit_code(err);
}

/* A hook may be run with these closed: what is opened first must not be in their place.
 */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	file_close(&fd);
}

int main(int argc, char **argv)
{
	struct args args = { argc, argv };
	struct command_context context;
	const char *root_option = NULL;
	struct err err = { 0 };

	fill_standard_descriptors();
	log_open("lontar");
	signal(SIGPIPE, SIG_IGN);
	if (!take_root(&args, &root_option, &err))
		return say(NULL, &err);
	if (args.argc > 1 && strcmp(args.argv[1], "--help") == 0) {
		print_usage(stdout);
		return EX_OK;
	}
	if (args.argc > 1 && strcmp(args.argv[1], "--version") == 0) {
		printf("lontar %s\n", LONTAR_VERSION);
		return EX_OK;
	}
	if (args.argc < 2) {
		print_usage(stderr);
		return EX_USAGE;
	}
	for (size_t i = 0; i < LENGTH(commands); i++) {
		if (strcmp(args.argv[1], commands[i].name) != 0)
			continue;
		context.args = (struct args){ args.argc - 1, args.argv + 1 };
		return run_command(i, &context, root_option, &err)
			       ? EX_OK
			       : say(commands[i].name, &err);
	}
	err_exit(&err, EX_USAGE, "no command %s: `lontar --help` names them",
		 args.argv[1]);
	return say(NULL, &err);
}
