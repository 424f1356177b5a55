/* The lines of a .qmail file, done one after the other. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "deliver/qmail_program.h"
#include "ipc/master.h"
#include "programs/lontar-local/job.h"
#include "programs/lontar-local/runner.h"
#include "store/mbox.h"
#include "store/user_maildir.h"

/* The message without the envelope of ours, which names other recipients, in a file that
 * has no name. */
static bool make_program_copy(struct job *job, struct err *err)
{
	if (job->program_fd >= 0)
		return true;
	job->program_fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
	if (job->program_fd < 0)
		job->program_fd =
			openat(job->home_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
	/* Whoever runs the program reads it; it has no name for others to find. */
	if (job->program_fd < 0 || fchmod(job->program_fd, 0644) != 0)
		return err_errno(err, "a temporary file for programs");
	return file_copy(job->letter.fd, job->letter.body, job->letter.bytes,
			 job->program_fd, err);
}

/* Our own programs first, so that forward and its kin are found. */
static void search_path(char *path_out, size_t room)
{
	char own[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	own[len < 0 ? 0 : len] = '\0';
	slash = strrchr(own, '/');
	if (slash)
		*slash = '\0';
	snprintf(path_out, room, "%s%s/usr/local/bin:/usr/bin:/bin", slash ? own : "",
		 slash ? ":" : "");
}

static enum qmail_verdict run_program(struct job *job, const char *command,
				      struct err *err)
{
	char output[QMAIL_PROGRAM_OUTPUT_MAX], path[PATH_MAX + 64];
	struct qmail_context context = {
		.user = job->user.name,
		.home = job->home,
		.local = job->local,
		.host = job->host,
		.ext = job->user.ext,
		.rest = job->rest,
		.sender = job->sender,
		.new_sender = job->new_sender,
		.path = path,
		.root = job->root,
		.now = clock_wall_s(),
	};
	struct qmail_program program = { .command = command,
					 .home_fd = job->home_fd,
					 .alarms = { MASTER_FD, PRIVATE_FD },
					 .timeout_s = job->timeout_s };
	struct environment environment;
	enum qmail_verdict verdict;

	if (!make_program_copy(job, err))
		return QMAIL_LATER;
	program.message_fd = job->program_fd;
	runner_harmless(&program);
	search_path(path, sizeof(path));
	qmail_environment(&environment, &context);
	program.environment = environment.items;
	verdict = job->runner_fd < 0 ? qmail_program_run(&program, output, err)
				     : runner_run(job->runner_fd, &program, output, err);
	environment_clear(&environment);
	if (output[0])
		log_info("program recipient=%s says=%s", job->recipient, output);
	job->programs += verdict == QMAIL_DONE || verdict == QMAIL_STOP;
	return verdict;
}

/* As root only what is below the home: role users are missing, and the file a line names
 * might be anybody's. */
static bool may_write(const char *path, struct err *err)
{
	if (geteuid() != 0 || (path[0] != '/' && !strstr(path, "..")))
		return true;
	return err_temporary(err, "4.3.5",
			     "%s is not written as root; make the users lontar and alias",
			     path);
}

static bool deliver_maildir(struct job *job, const char *path, struct err *err)
{
	if (!may_write(path, err) ||
	    (job->is_usual && !user_maildir_make(job->home_fd, path, true, err)) ||
	    !user_maildir_deliver(job->home_fd, path, job->me, &job->letter, err))
		return false;
	job->files++;
	return true;
}

static bool deliver_mbox(struct job *job, const char *path, struct err *err)
{
	if (!may_write(path, err) ||
	    !mbox_deliver(job->home_fd, path, job->sender, &job->letter, err))
		return false;
	job->files++;
	return true;
}

static enum qmail_verdict do_line(struct job *job, const struct qmail_line *line,
				  struct err *err)
{
	bool done = true;

	switch (line->kind) {
	case QMAIL_PROGRAM:
		return run_program(job, line->text, err);
	case QMAIL_MAILDIR:
		done = deliver_maildir(job, line->text, err);
		break;
	case QMAIL_MBOX:
		done = deliver_mbox(job, line->text, err);
		break;
	case QMAIL_FORWARD:
		break; /* they come last, together */
	}
	if (done)
		return QMAIL_DONE;
	err->kind = ERR_TEMPORARY; /* a mailbox's faults are always to be mended */
	return QMAIL_LATER;
}

static size_t occurrence_of(const struct qmail_file *file, size_t i)
{
	size_t count = 0;

	for (size_t j = 0; j < i; j++)
		count += file->lines[j].kind == file->lines[i].kind &&
			 strcmp(file->lines[j].text, file->lines[i].text) == 0;
	return count;
}

static bool remember(uint64_t mark, bool stop, struct err *err)
{
	uint64_t both[2] = { mark, mark_of_stop(mark) };

	return marks_tell(both, stop ? 2 : 1, err);
}

bool job_do(struct job *job, const struct qmail_file *file, struct err *err)
{
	size_t until = file->count;

	for (size_t i = 0; i < until; i++) {
		enum qmail_verdict verdict;
		uint64_t mark;

		if (file->lines[i].kind == QMAIL_FORWARD)
			continue;
		mark = mark_of(&file->lines[i], occurrence_of(file, i));
		if (marks_has(&job->marks, mark)) {
			if (marks_has(&job->marks, mark_of_stop(mark)))
				until = i;
			continue;
		}
		verdict = do_line(job, &file->lines[i], err);
		if (verdict == QMAIL_LATER || verdict == QMAIL_NEVER)
			return false;
		if (!remember(mark, verdict == QMAIL_STOP, err))
			return false;
		if (verdict == QMAIL_STOP)
			until = i;
	}
	return job_forward(job, file, until, err);
}
