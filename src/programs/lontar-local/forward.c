/* The forwards of a .qmail file: handed in again, in one message where they may share
 * one, those who refuse told apart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "control/settings.h"
#include "deliver/bounce.h"
#include "deliver/inject.h"
#include "mail/maildir.h"
#include "programs/lontar-local/job.h"

#define TOGETHER_MAX 500 /* recipients of one message, and marks in one packet */

struct forwards {
	struct job *job;
	const char **addresses;
	uint64_t *marks;
	size_t count;
	struct err later; /* of one that is to be tried again */
};

/* "list-owner-" becomes "list-owner-bob=far.example@host" (qmail's VERP). */
static bool expand_sender(const struct job *job, const char *recipient,
			  char sender_out[ADDRESS_MAX], struct err *err)
{
	const char *domain = address_domain(recipient);
	struct span own = address_local(job->new_sender);

	if (snprintf(sender_out, ADDRESS_MAX, "%.*s%.*s=%s@%s", SPAN_ARG(own),
		     SPAN_ARG(address_local(recipient)), domain[0] ? domain : job->me,
		     address_domain(job->new_sender)) < ADDRESS_MAX)
		return true;
	return err_permanent(err, "5.1.7", "the sender for %s is too long", recipient);
}

static bool inject(const struct forwards *forwards, size_t from, size_t count,
		   struct err *err)
{
	const struct job *job = forwards->job;
	char head[ADDRESS_MAX + 32], sender[ADDRESS_MAX];
	struct inject order = { .sender = job->new_sender,
				.recipients = forwards->addresses + from,
				.count = count,
				.fd = job->letter.fd,
				.from = job->letter.body };

	snprintf(head, sizeof(head), "Delivered-To: %s\n", job->recipient);
	order.head = span_of(head);
	if (job->verp) {
		if (!expand_sender(job, forwards->addresses[from], sender, err))
			return false;
		order.sender = sender;
	}
	return inject_message(job->root_fd, &order, err);
}

/* The new sender hears of him who cannot be reached; the others have their mail. */
static bool bounce_one(const struct forwards *forwards, size_t i, const struct err *why,
		       struct err *err)
{
	struct job *job = forwards->job;
	struct dsn_recipient told = { .address = forwards->addresses[i],
				      .status = why->status[0] ? why->status : "5.0.0",
				      .reply = why->text };
	struct settings settings = { 0 };
	struct parked_name name = { .recipients = 1 };
	struct envelope envelope = { .sender = job->new_sender,
				     .body = job->letter.body };
	struct bounce bounce = { .root_fd = job->root_fd,
				 .settings = &settings,
				 .name = &name,
				 .envelope = &envelope,
				 .message_fd = job->letter.fd,
				 .action = DSN_FAILED,
				 .recipients = &told,
				 .count = 1 };
	AUTO_FD control_fd = file_open_dir(job->root_fd, "control", err);
	bool done;

	if (control_fd < 0 || !settings_load(control_fd, &settings, err))
		return false;
	maildir_unique(job->me, name.id);
	done = bounce_send(&bounce, err);
	settings_clear(&settings);
	return done;
}

static bool is_about_one(const struct err *err)
{
	static const char *const statuses[] = { "4.4.4", "4.3.5", "4.2.1" };

	for (size_t i = 0; i < LENGTH(statuses); i++)
		if (strcmp(err->status, statuses[i]) == 0)
			return true;
	return err->kind == ERR_PERMANENT;
}

/* As one message; where somebody is refused, in halves, until it is he alone. */
static bool send(struct forwards *forwards, size_t from, size_t count, struct err *err)
{
	struct err why = { 0 };

	if (inject(forwards, from, count, &why)) {
		forwards->job->forwards += count;
		return marks_tell(forwards->marks + from, count, err);
	}
	if (!is_about_one(&why)) {
		*err = why;
		return false;
	}
	if (count > 1)
		return send(forwards, from, count / 2, err) &&
		       send(forwards, from + count / 2, count - count / 2, err);
	if (why.kind == ERR_PERMANENT)
		return bounce_one(forwards, from, &why, err) &&
		       marks_tell(forwards->marks + from, 1, err);
	forwards->later = why;
	return true;
}

static void collect(struct forwards *forwards, const struct qmail_file *file,
		    size_t until)
{
	forwards->addresses = must_resize(NULL, until + 1, sizeof(*forwards->addresses));
	forwards->marks = must_resize(NULL, until + 1, sizeof(*forwards->marks));
	for (size_t i = 0; i < until; i++) {
		uint64_t mark = mark_of(&file->lines[i], 0);

		if (file->lines[i].kind != QMAIL_FORWARD ||
		    marks_has(&forwards->job->marks, mark))
			continue;
		forwards->addresses[forwards->count] = file->lines[i].text;
		forwards->marks[forwards->count++] = mark;
	}
}

bool job_forward(struct job *job, const struct qmail_file *file, size_t until,
		 struct err *err)
{
	struct forwards forwards = { .job = job };
	size_t together = job->verp ? 1 : TOGETHER_MAX;
	bool done = true;

	collect(&forwards, file, until);
	for (size_t at = 0; done && at < forwards.count; at += together)
		done = send(&forwards, at,
			    forwards.count - at < together ? forwards.count - at
							   : together,
			    err);
	free(forwards.addresses);
	free(forwards.marks);
	if (!done || forwards.later.kind == ERR_NONE)
		return done;
	*err = forwards.later;
	return false;
}
