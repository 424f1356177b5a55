/* An alias of control/aliases: its members and programs as the lines of a .qmail file. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "deliver/aliases.h"
#include "deliver/qmail_command.h"
#include "programs/lontar-local/job.h"

#define COMMAND_MAX ((size_t)64 * 1024)

static void put_line(struct qmail_file *file, enum qmail_kind kind, const char *text)
{
	file->lines[file->count] = (struct qmail_line){
		.kind = kind, .number = (unsigned)file->count + 1, .text = must_copy(text)
	};
	file->count++;
}

static bool put_program(struct qmail_file *file, const char *program, struct err *err)
{
	AUTO_BUF command = BUF_INIT(COMMAND_MAX);
	bool is_mbox = program[0] == '!';

	if (!buf_appendf(&command, "%s%s%s", is_mbox ? QMAIL_PRELINE_BEGIN : "",
			 program + 1, is_mbox ? QMAIL_PRELINE_END : ""))
		return err_temporary(err, "4.3.5",
				     "control/aliases: a program's command "
				     "is too long");
	put_line(file, QMAIL_PROGRAM, command.data);
	return true;
}

static bool make_file(const struct aliases_members *members, struct qmail_file *file,
		      struct err *err)
{
	file->lines = must_resize(NULL, members->count + members->program_count + 1,
				  sizeof(*file->lines));
	for (size_t i = 0; i < members->program_count; i++)
		if (!put_program(file, members->programs[i], err))
			return false;
	for (size_t i = 0; i < members->count; i++)
		put_line(file, QMAIL_FORWARD, members->addresses[i]);
	return true;
}

/* Bounces of what we forward go to the list's owner; bounces themselves stay bounces. */
static void set_sender(struct job *job, const struct aliases_members *members)
{
	bool is_bounce = !job->sender[0] || strcmp(job->sender, "#@[]") == 0;

	snprintf(job->new_sender, sizeof(job->new_sender), "%s",
		 members->owner[0] && !is_bounce ? members->owner : job->sender);
}

static bool find(struct job *job, struct aliases_members *members,
		 enum aliases_found *found_out, struct err *err)
{
	AUTO_FD control_fd = file_open_dir(job->root_fd, "control", err);
	struct settings settings = { 0 };

	if (control_fd < 0 || !settings_load(control_fd, &settings, err))
		return false;
	*found_out = aliases_find(control_fd, &settings, job->recipient, members, err);
	settings_clear(&settings);
	return *found_out != ALIASES_FAILED;
}

bool job_alias(struct job *job, bool *done_out, struct err *err)
{
	struct aliases_members members = { .count = 0 };
	enum aliases_found found = ALIASES_FAILED;
	struct qmail_file file = { .count = 0 };

	*done_out = false;
	if (find(job, &members, &found, err) && found == ALIASES_FOUND) {
		set_sender(job, &members);
		*done_out = make_file(&members, &file, err) && job_do(job, &file, err);
		qmail_file_clear(&file);
	}
	aliases_clear(&members);
	return found != ALIASES_NONE;
}
