/* lontar: the operator's command. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "control/root.h"
#include "programs/lontar/command.h"

static const struct command {
	const char *name;
	bool (*run)(struct command_context *context, struct err *err);
	const char *summary;
	bool needs_root; /* --root must exist and hold a control folder */
} commands[] = {
	{ "init", command_init, "make a gateway's root, ready to run", false },
	{ "run", command_run, "run all services, in the foreground", true },
	{ "listen", command_listen, "show the ports in use", true },
	{ "service", command_service, "stop, start, restart or hup one service", true },
	{ "status", command_status, "what waits for which smarthost, and the links",
	  true },
	{ "queue", command_queue, "list the parked messages", true },
	{ "flush", command_flush, "push what waits, now", true },
	{ "link", command_link, "tell that a link went up or down; show links", true },
	{ "hold", command_hold, "keep parked messages back", true },
	{ "release", command_release, "let held or uncertain messages go", true },
	{ "first", command_first, "send a message before the others", true },
	{ "drop", command_drop, "return a message to its sender", true },
	{ "user", command_user, "add, delete or list accounts; set passwords", true },
	{ "rebuild", command_rebuild, "compile the maps", true },
	{ "check", command_check, "check every setting, path and permission", true },
	{ "explain", command_explain, "say where mail to an address would go", true },
};

static void print_usage(FILE *to)
{
	fputs("usage: lontar [--root DIR] COMMAND ...\n\n", to);
	for (size_t i = 0; i < LENGTH(commands); i++)
		fprintf(to, "  %-8s  %s\n", commands[i].name, commands[i].summary);
	fputs("\nThe root is --root, else LONTAR_ROOT, else " ROOT_DEFAULT ".\n"
	      "`lontar COMMAND --help` says more.\n",
	      to);
}

/* Takes --root out of the words, wherever it stands before a "--". *asks_out: --help or
 * --version is there too, which a command answers without a root. */
static bool take_root(int *argc, char **argv, const char **root_out, bool *asks_out,
		      struct err *err)
{
	int kept = 1, i = 1;

	for (; i < *argc && strcmp(argv[i], "--") != 0; i++) {
		if (strncmp(argv[i], "--root=", 7) == 0) {
			*root_out = argv[i] + 7;
		} else if (strcmp(argv[i], "--root") == 0) {
			if (i + 1 == *argc)
				return err_exit(err, EX_USAGE,
						"a folder is missing after --root");
			*root_out = argv[++i];
		} else {
			*asks_out |= strcmp(argv[i], "--help") == 0 ||
				     strcmp(argv[i], "--version") == 0;
			argv[kept++] = argv[i];
		}
	}
	for (; i < *argc; i++)
		argv[kept++] = argv[i];
	argv[kept] = NULL;
	*argc = kept;
	return true;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < LENGTH(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static bool run(const struct command *command, struct command_context *context,
		bool only_asks, struct err *err)
{
	if (command->needs_root && !only_asks) {
		context->root_fd = root_open(context->root, err);
		if (context->root_fd < 0)
			return false;
		context->control_fd = root_control(context->root_fd, err);
		if (context->control_fd < 0)
			return err_context(err, "%s", context->root);
	}
	return command->run(context, err);
}

/* One line, whatever is in the text. */
static int complain(const char *name, const struct err *err)
{
	if (err->text[0])
		fprintf(stderr, "lontar%s%s: %.*s\n", name[0] ? " " : "", name,
			(int)strcspn(err->text, "\n"), err->text);
	return err_exit_code(err);
}

int main(int argc, char **argv)
{
	struct command_context context = { .root_fd = -1, .control_fd = -1 };
	const struct command *command;
	const char *root = NULL;
	bool asks = false;
	struct err err = { 0 };

	log_open("lontar");
	if (!take_root(&argc, argv, &root, &asks, &err))
		return complain("", &err);
	if (argc < 2) {
		print_usage(stderr);
		return EX_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("lontar " LONTAR_VERSION);
		return EX_OK;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return EX_OK;
	}
	command = find(argv[1]);
	if (!command) {
		err_exit(&err, EX_USAGE, "no command %s: `lontar --help` lists them",
			 argv[1]);
		return complain("", &err);
	}
	context.root = root_path(root);
	context.args = (struct args){ argc - 1, argv + 1 };
	if (!run(command, &context, asks, &err))
		return complain(command->name, &err);
	if (fflush(stdout) != 0) {
		err_errno(&err, "write to stdout");
		return complain(command->name, &err);
	}
	return EX_OK;
}
