#include "programs/lontar-local/runner.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/file.h"
#include "ipc/channel.h"
#include "ipc/master.h"
#include "ipc/packet.h"

#define MAIL_USER     "lontar"
#define VARIABLES_MAX 100
#define SLACK_MS      60000 /* beyond the program's own time */
#define FIELDS_SPARE  ((size_t)2000)

enum runner_packet {
	RUNNER_RUN = 1, /* with the message; timeout_s, command, count, variables */
	RUNNER_RAN,     /* below */
};

#define RUNNER_RAN_FIELDS(NUMBER, TEXT) \
	NUMBER(verdict) NUMBER(kind) TEXT(status) TEXT(text) TEXT(output)
PACKET_DEFINE(runner_ran, RUNNER_RAN, RUNNER_RAN_FIELDS)

void runner_harmless(struct qmail_program *program)
{
	const struct passwd *entry = getpwnam("alias");

	if (!entry || !entry->pw_uid)
		entry = getpwnam("nobody");
	program->uid = entry ? entry->pw_uid : 0;
	program->gid = entry ? entry->pw_gid : 0;
}

/* Root may not look into the mail tree; its owner goes there first. */
static bool enter_home(const struct passwd *owner, const char *user)
{
	char home[300];

	snprintf(home, sizeof(home), "mail/%s", user);
	return seteuid(owner->pw_uid) == 0 && chdir(home) == 0 && seteuid(0) == 0;
}

static bool take_order(struct packet *packet, struct qmail_program *program,
		       char *variables[VARIABLES_MAX + 1])
{
	struct span command;
	uint64_t count;

	program->timeout_s = packet_get_number(packet);
	command = packet_get_text(packet);
	count = packet_get_number(packet);
	if (packet->type != RUNNER_RUN || packet->bad || count > VARIABLES_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct span variable = packet_get_text(packet);

		variables[i] = must_alloc(variable.len + 1);
		memcpy(variables[i], variable.at ? variable.at : "", variable.len);
	}
	program->command = memcpy(must_alloc(command.len + 1),
				  command.at ? command.at : "", command.len);
	return packet_end(packet);
}

static bool run_one(int fd, struct packet *packet, int message_fd, struct err *err)
{
	char *variables[VARIABLES_MAX + 1] = { NULL };
	char output[QMAIL_PROGRAM_OUTPUT_MAX];
	struct qmail_program program = { .environment = variables,
					 .home_fd = QMAIL_PROGRAM_STAYS,
					 .message_fd = message_fd,
					 .alarms = { MASTER_FD, fd } };
	struct runner_ran ran = { .verdict = QMAIL_LATER };
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct err why = { 0 };

	if (!take_order(packet, &program, variables) || message_fd < 0)
		return err_temporary(err, "4.3.0", "lontar-local sent nonsense");
	runner_harmless(&program);
	ran.verdict = qmail_program_run(&program, output, &why);
	ran.kind = why.kind;
	ran.status = span_of(why.status);
	ran.text = span_of(why.text);
	ran.output = span_of(output);
	runner_ran_put(&out, 0, &ran);
	for (size_t i = 0; variables[i]; i++)
		free(variables[i]);
	free((char *)(uintptr_t)program.command);
	return channel_send(fd, &out, -1, err);
}

/* Until the other one is gone. */
static _Noreturn void serve(int fd)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);
	struct err err;

	for (;;) {
		AUTO_FD message_fd = -1;
		struct packet packet;

		if (channel_wait(fd, -1, &in, &message_fd) != CHANNEL_PACKET ||
		    !packet_open(&packet, buf_span(&in)) ||
		    !run_one(fd, &packet, message_fd, &err))
			_exit(0);
	}
}

static bool become_owner(const struct passwd *owner, struct err *err)
{
	if (initgroups(MAIL_USER, owner->pw_gid) == 0 &&
	    setresgid(owner->pw_gid, owner->pw_gid, owner->pw_gid) == 0 &&
	    setresuid(owner->pw_uid, owner->pw_uid, owner->pw_uid) == 0)
		return true;
	return err_errno(err, "become user " MAIL_USER);
}

bool runner_split(const char *order, int *fd_out, struct err *err)
{
	const char *user = strchr(order, ':');
	const struct passwd *owner = geteuid() == 0 ? getpwnam(MAIL_USER) : NULL;
	int pair[2];
	pid_t pid;

	*fd_out = -1;
	if (!owner || !owner->pw_uid || !user || strncmp(order, "account:", 8) != 0)
		return true;
	if (!file_socketpair(pair, err))
		return false;
	pid = fork();
	if (pid < 0)
		return err_errno(err, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		close(pair[0]);
		/* The order comes by it, and its end is ours to see by the pair. */
		close(PRIVATE_FD);
		if (!enter_home(owner, user + 1))
			_exit(1);
		serve(pair[1]);
	}
	close(pair[1]);
	*fd_out = pair[0];
	return become_owner(owner, err);
}

static bool put_order(const struct qmail_program *program, struct buf *out,
		      struct err *err)
{
	size_t count = 0, bytes = strlen(program->command) + FIELDS_SPARE;

	for (; program->environment[count]; count++)
		bytes += strlen(program->environment[count]) + sizeof(uint64_t);
	if (bytes > PACKET_MAX || count > VARIABLES_MAX)
		return err_temporary(err, "4.3.5", "the program's command is too long");
	packet_begin(out, RUNNER_RUN, 0);
	packet_put_number(out, program->timeout_s);
	packet_put_text(out, span_of(program->command));
	packet_put_number(out, count);
	for (size_t i = 0; i < count; i++)
		packet_put_text(out, span_of(program->environment[i]));
	return true;
}

enum qmail_verdict runner_run(int fd, const struct qmail_program *program,
			      char output_out[QMAIL_PROGRAM_OUTPUT_MAX], struct err *err)
{
	AUTO_BUF packet_bytes = BUF_INIT(PACKET_MAX);
	struct runner_ran ran;
	struct packet packet;
	int wait_ms = (int)program->timeout_s * 1000 + SLACK_MS;

	output_out[0] = '\0';
	if (!put_order(program, &packet_bytes, err) ||
	    !channel_send(fd, &packet_bytes, program->message_fd, err))
		return QMAIL_LATER;
	if (channel_wait(fd, wait_ms, &packet_bytes, NULL) != CHANNEL_PACKET ||
	    !packet_open(&packet, buf_span(&packet_bytes)) || packet.type != RUNNER_RAN ||
	    !runner_ran_get(&packet, &ran) || ran.verdict > QMAIL_NEVER ||
	    !packet_text_copy(ran.output, output_out, QMAIL_PROGRAM_OUTPUT_MAX) ||
	    !packet_text_copy(ran.status, err->status, sizeof(err->status)) ||
	    !packet_text_copy(ran.text, err->text, sizeof(err->text))) {
		err_temporary(err, "4.3.0", "the process that runs programs is gone");
		return QMAIL_LATER;
	}
	err->kind = ran.verdict == QMAIL_NEVER   ? ERR_PERMANENT
		    : ran.verdict == QMAIL_LATER ? ERR_TEMPORARY
						 : ERR_NONE;
	return (enum qmail_verdict)ran.verdict;
}
