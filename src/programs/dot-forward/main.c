/*
 * dot-forward [-nN] FILE...: the first FILE that is there and not empty says, as
 * sendmail's ~/.forward does, whom the message of a .qmail line goes to. Exit 99 where
 * all was done, 0 where the user himself is among them (or there is no FILE): the lines
 * behind this one then deliver to him.
 *
 * Programs run first, the addresses get the message together at the end, from NEWSENDER.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "control/root.h"
#include "control/routes.h"
#include "control/settings.h"
#include "deliver/aliases_text.h"
#include "deliver/qmail_command.h"
#include "deliver/qmail_program.h"

#define TEXT_MAX ((size_t)1024 * 1024)

static const char usage[] = "dot-forward [-nN] FILE...";

struct dot_forward {
	bool only_print;
	struct settings settings; /* me is NULL where they cannot be read */
	struct qualifier qualifier;
	char own[ADDRESS_MAX]; /* USER@HOST */
	char **addresses;
	size_t count;
	bool direct; /* the user himself is named */
};

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

/* What a name without a host means here; where the settings are not for this user to
 * read, the host that the message came to. */
static void learn(struct dot_forward *dot)
{
	struct err unread;
	AUTO_FD root_fd = root_open(NULL, &unread);
	AUTO_FD control_fd = root_fd < 0 ? -1 : root_control(root_fd, &unread);
	const struct settings *settings = &dot->settings;
	const char *host = variable("HOST");

	dot->qualifier = (struct qualifier){ host, host, host };
	if (control_fd < 0 || !settings_load(control_fd, &dot->settings, &unread))
		return;
	dot->qualifier =
		(struct qualifier){ routes_is_ours(settings, settings->defaultdomain)
					    ? settings->defaultdomain
					    : settings->me,
				    settings->defaultdomain, settings->plusdomain };
}

/* "joe", whatever host a name without one is at, and USER@HOST. */
static bool is_himself(const struct dot_forward *dot, const char *address)
{
	char plain[ADDRESS_MAX];

	snprintf(plain, sizeof(plain), "%s@%s", variable("USER"), dot->qualifier.host);
	return address_same(address, dot->own) || address_same(address, plain);
}

static bool run(const struct dot_forward *dot, const char *command, int *exit_out)
{
	AUTO_BUF text = BUF_INIT(TEXT_MAX);
	char shell[] = "/bin/sh", option[] = "-c";
	char *words[] = { shell, option, NULL, NULL };
	int exit_code;

	if (dot->only_print) {
		printf("pipe through %s\n", command);
		return true;
	}
	*exit_out = QMAIL_EXIT_LATER;
	if (!buf_appendf(&text, "%s%s%s", QMAIL_PRELINE_BEGIN, command,
			 QMAIL_PRELINE_END))
		return false;
	words[2] = text.data;
	exit_code = qmail_command_run(words);
	switch (qmail_program_verdict(exit_code)) {
	case QMAIL_DONE:
	case QMAIL_STOP:
		return true;
	case QMAIL_NEVER:
		*exit_out = QMAIL_EXIT_NEVER;
		return false;
	case QMAIL_LATER:
		break;
	}
	return false;
}

/* One command of aliases_text.h. */
static bool take(struct dot_forward *dot, char *command, int *exit_out)
{
	if (command[0] == '!')
		return run(dot, command + 1, exit_out);
	if (command[0] != '&') {
		fprintf(stderr, "dot-forward: :include: of %s is not followed here\n",
			command);
		*exit_out = QMAIL_EXIT_LATER;
		return false;
	}
	if (is_himself(dot, command + 1)) {
		dot->direct = true;
		return true;
	}
	if (dot->only_print)
		printf("forward %s\n", command + 1);
	dot->addresses = must_resize(dot->addresses, dot->count + 1, sizeof(char *));
	dot->addresses[dot->count++] = command + 1;
	return true;
}

static int obey(struct dot_forward *dot, const char *file, struct span text)
{
	AUTO_BUF commands = BUF_INIT(64 * TEXT_MAX);
	struct err err = { 0 };
	int exit_code = 0;

	if (!aliases_text_forward(text, &dot->qualifier, &commands, &err)) {
		err.kind = ERR_TEMPORARY; /* to be mended */
		err_context(&err, "%s", file);
		return qmail_command_fail("dot-forward", &err);
	}
	for (size_t at = 0; at < commands.len; at += strlen(commands.data + at) + 1)
		if (!take(dot, commands.data + at, &exit_code))
			return exit_code;
	if (dot->count && !dot->only_print &&
	    !qmail_command_forward("NEWSENDER", dot->addresses, dot->count, &err))
		return qmail_command_fail("dot-forward", &err);
	if (!dot->direct && commands.len)
		return QMAIL_EXIT_STOP;
	if (dot->only_print)
		printf("direct delivery\n");
	return 0;
}

static int try_files(struct dot_forward *dot, char **files)
{
	for (; *files; files++) {
		AUTO_BUF text = BUF_INIT(TEXT_MAX);
		struct err err = { 0 };
		bool found;

		if (!file_read_if_any(AT_FDCWD, *files, &text, &found, &err)) {
			err.kind = ERR_TEMPORARY;
			return qmail_command_fail("dot-forward", &err);
		}
		if (text.len)
			return obey(dot, *files, buf_span(&text));
	}
	if (dot->only_print)
		printf("direct delivery\n");
	return 0;
}

int main(int argc, char **argv)
{
	struct dot_forward dot = { .only_print = false };
	int option, exit_code;

	while ((option = getopt(argc, argv, "nN")) != -1) {
		if (option == '?')
			return qmail_command_misuse(usage);
		dot.only_print = option == 'n';
	}
	if (optind == argc)
		return qmail_command_misuse(usage);
	snprintf(dot.own, sizeof(dot.own), "%s@%s", variable("USER"), variable("HOST"));
	learn(&dot);
	exit_code = try_files(&dot, argv + optind);
	if (dot.settings.me)
		settings_clear(&dot.settings);
	free(dot.addresses);
	return exit_code;
}
