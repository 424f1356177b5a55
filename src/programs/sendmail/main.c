/*
 * sendmail: hands a message to the gateway over its local socket, with the command line
 * that people's programs have always used. Needs no rights of its own: who calls it is
 * known by the socket's peer credentials. Also run as mailq, newaliases and qmail-inject.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "control/root.h"
#include "deliver/inject.h"
#include "mail/submission.h"
#include "programs/sendmail/caller.h"
#include "programs/sendmail/inject.h"
#include "programs/sendmail/message.h"
#include "programs/sendmail/options.h"

/* Our other programs lie beside this one, whatever name it was called by. */
static bool exec_beside(const char *program, const char *word, struct err *err)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path));
	char *slash;

	if (len < 0 || (size_t)len >= sizeof(path))
		return err_temporary(err, "4.3.0", "cannot tell where %s is", program);
	path[len] = '\0';
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash + 1 - path) + strlen(program) >= sizeof(path))
		return err_temporary(err, "4.3.0", "cannot tell where %s is", program);
	snprintf(slash + 1, sizeof(path) - (size_t)(slash + 1 - path), "%s", program);
	execl(path, program, word, (char *)NULL);
	return err_temporary(err, "4.3.0", "run %s: %s", path, strerror(errno));
}

/* sysexits.h, by what the gateway said of a recipient. */
static void choose_exit_code(struct err *err)
{
	static const struct {
		const char *status;
		int exit_code;
	} codes[] = {
		{ "5.1.1", EX_NOUSER },  { "5.1.2", EX_NOHOST },  { "5.1.3", EX_NOUSER },
		{ "5.3.4", EX_DATAERR }, { "5.6.0", EX_DATAERR }, { "5.7.1", EX_NOPERM },
	};

	if (err->kind == ERR_TEMPORARY)
		err->exit_code = EX_TEMPFAIL;
	for (size_t i = 0; err->kind == ERR_PERMANENT && i < LENGTH(codes); i++)
		if (strcmp(err->status, codes[i].status) == 0)
			err->exit_code = codes[i].exit_code;
}

static bool hand_in(int root_fd, const struct options *options,
		    const struct caller *caller, struct submission *submission,
		    struct err *err)
{
	AUTO_FD fd = message_read(STDIN_FILENO, !options->dot_is_text, submission, err);
	struct inject inject = { .sender = caller->sender,
				 .recipients =
					 (const char *const *)submission->recipients,
				 .count = submission->count,
				 .fd = fd,
				 .login = caller->login };

	if (fd < 0)
		return false;
	if (!submission->count)
		return err_exit(err, EX_USAGE, "the message names no recipients");
	if (!inject_message(root_fd, &inject, err)) {
		choose_exit_code(err);
		return false;
	}
	for (size_t i = 0; options->verbose && i < submission->count; i++)
		printf("%s: taken\n", submission->recipients[i]);
	return true;
}

static bool send_message(const struct options *options, struct err *err)
{
	AUTO_FD root_fd = root_open(NULL, err);
	struct submission submission;
	struct caller caller;
	bool fine;

	if (root_fd < 0) {
		err->exit_code = EX_TEMPFAIL;
		return false;
	}
	caller_find(&caller, root_fd);
	submission = (struct submission){
		.qualifier = caller.qualifier,
		.me = caller.settings.me,
		.unique = caller.unique,
		.now = clock_wall_s(),
		.author = caller.author,
		.full_name = options->full_name ? options->full_name : caller.full_name,
		.header_recipients = options->header_recipients,
	};
	fine = caller_sender(&caller, options->sender, err);
	for (int i = 0; fine && i < options->count; i++) {
		fine = submission_recipients(&submission, span_of(options->recipients[i]),
					     err);
		if (!fine)
			err->exit_code = EX_NOUSER;
	}
	fine = fine && hand_in(root_fd, options, &caller, &submission, err);
	submission_clear(&submission);
	settings_clear(&caller.settings);
	return fine;
}

static bool do_mode(const struct options *options, struct err *err)
{
	switch (options->mode) {
	case MODE_SEND:
		return send_message(options, err);
	case MODE_SMTP:
		return exec_beside("lontar-smtpd", "--stdio-local", err);
	case MODE_SHOW_QUEUE:
		return exec_beside("lontar", "queue", err);
	case MODE_REBUILD:
		return exec_beside("lontar", "rebuild", err);
	case MODE_RUN_QUEUE:
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct options options;
	struct err err = { 0 };

	if (inject_is_wanted(argc ? argv[0] : ""))
		return inject_main(argc, argv);
	log_open("sendmail");
	if (options_parse(argc, argv, &options, &err) && do_mode(&options, &err))
		return EX_OK;
	log_failure(&err);
	return err_exit_code(&err);
}
