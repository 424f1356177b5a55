/*
 * lontar-local: one delivery to one local recipient, as that recipient's user, by the
 * rules of his .qmail file. Started by the master for lontar-dispatch.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/args.h"
#include "base/file.h"
#include "base/log.h"
#include "ipc/channel.h"
#include "ipc/local.h"
#include "ipc/master.h"
#include "programs/lontar-local/job.h"
#include "programs/lontar-local/runner.h"

static const char usage[] = "usage: lontar-local USER\n"
			    "Delivers one message; started by `lontar run`.\n";

/* Bounces of a list go to its owner, or name whom they are about. */
static void set_new_sender(struct job *job, const struct qmail_found *found)
{
	bool is_bounce = !job->sender[0] || strcmp(job->sender, "#@[]") == 0;

	snprintf(job->new_sender, sizeof(job->new_sender), "%s", job->sender);
	if (is_bounce || !found->has_owner)
		return;
	job->verp = found->has_owner_default;
	if (snprintf(job->new_sender, sizeof(job->new_sender), "%s-owner%s@%s",
		     job->local, job->verp ? "-" : "",
		     job->host) < (int)sizeof(job->new_sender))
		return;
	job->verp = false;
	snprintf(job->new_sender, sizeof(job->new_sender), "%s", job->sender);
}

static bool do_usual(struct job *job, struct err *err)
{
	struct qmail_file file;
	bool done;

	job->is_usual = true;
	if (!qmail_file_parse(buf_span(&job->instructions), false, &file, err))
		return err_context(err, "control/defaultdelivery");
	done = job_do(job, &file, err);
	qmail_file_clear(&file);
	return done;
}

static bool deliver(struct job *job, struct err *err)
{
	struct qmail_place place = { .home_fd = job->home_fd,
				     .owner = job->user.kind == LOCAL_SYSTEM
						      ? geteuid()
						      : QMAIL_ANY_OWNER,
				     .dash = job->user.dash,
				     .ext = job->user.ext };
	struct qmail_found found;
	bool done;

	if (!job_is_no_loop(job, err))
		return false;
	if (job->user.kind == LOCAL_ALIAS && job_alias(job, &done, err))
		return done;
	if (!qmail_find(&place, &found, err))
		return false;
	set_new_sender(job, &found);
	if (!found.name[0] && job->user.dash[0])
		return err_permanent(err, "5.1.1",
				     "Sorry, no mailbox here by that name.");
	if (found.has_default)
		job->rest = found.rest;
	if (found.name[0] && !found.is_empty)
		done = job_do(job, &found.file, err);
	else if (job->user.kind == LOCAL_ALIAS)
		done = err_temporary(err, "4.3.5", "control/alias/%s names no address",
				     found.name);
	else
		done = do_usual(job, err);
	job->rest = NULL; /* it was found's */
	qmail_found_clear(&found);
	return done;
}

static bool report(const struct job *job, bool done, const struct err *err)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct local_result result = { .verdict = ERR_NONE,
				       .files = job->files,
				       .forwards = job->forwards,
				       .programs = job->programs };
	struct err ignored;

	if (!done) {
		result.verdict = err->kind;
		result.status = span_of(err->status);
		result.text = span_of(err->text);
	}
	local_result_put(&out, 0, &result);
	return channel_send(PRIVATE_FD, &out, -1, &ignored);
}

int main(int argc, char **argv)
{
	static const struct args_option options[] = { { .name = NULL } };
	struct args args = { argc, argv };
	static struct job job;
	struct err err = { 0 };
	bool done;

	log_open("lontar-local");
	signal(SIGPIPE, SIG_IGN);
	if (!args_parse(&args, options, usage, &err) ||
	    !args_count(&args, 1, 1, usage, &err)) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	umask(077);
	fcntl(PRIVATE_FD, F_SETFL, fcntl(PRIVATE_FD, F_GETFL) & ~O_NONBLOCK);
	job.program_fd = job.home_fd = job.letter.fd = job.runner_fd = -1;
	job.instructions = BUF_INIT(PACKET_MAX);
	job.head = BUF_INIT(PACKET_MAX);
	done = runner_split(args.argv[1], &job.runner_fd, &err) &&
	       job_receive(&job, &err) && deliver(&job, &err);
	/* Whoever is not there to hear tries again, and repeats no line. */
	done = report(&job, done, &err);
	marks_clear(&job.marks);
	buf_clear(&job.instructions);
	buf_clear(&job.head);
	return done ? EX_OK : EX_TEMPFAIL;
}
