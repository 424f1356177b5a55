#include "import/waiting.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "control/settings.h"
#include "deliver/bounce.h"
#include "deliver/inject.h"
#include "mail/maildir.h"

#define JOURNAL     "spool/state/imported"
#define JOURNAL_MAX ((size_t)256 * 1024 * 1024)
#define LINE_MAX    2000

struct waiting {
	struct import *import;
	char what[64];
	struct settings_list before; /* the journal's lines */
	struct settings settings;
	int journal_fd;                   /* -1: nothing is done */
	size_t messages, recipients, had; /* had: recipients of an earlier run */
};

struct waiting *waiting_open(struct import *import, const char *what, struct err *err)
{
	struct waiting *waiting = must_alloc(sizeof(*waiting));
	AUTO_BUF text = BUF_INIT(JOURNAL_MAX);
	bool found, done;

	*waiting = (struct waiting){ .import = import, .journal_fd = -1 };
	snprintf(waiting->what, sizeof(waiting->what), "%s", what);
	if (import->root_fd < 0)
		return waiting;
	done = file_read_if_any(import->root_fd, JOURNAL, &text, &found, err) &&
	       settings_list_parse(&waiting->before, JOURNAL, buf_span(&text), err);
	if (done && import->yes) {
		waiting->journal_fd = openat(import->root_fd, JOURNAL,
					     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
					     S_IRUSR | S_IWUSR);
		done = waiting->journal_fd >= 0 ? settings_load(import->control_fd,
								&waiting->settings, err)
						: err_errno(err, "open " JOURNAL);
	}
	if (done)
		return waiting;
	file_close(&waiting->journal_fd);
	settings_list_clear(&waiting->before);
	free(waiting);
	return NULL;
}

void waiting_close(struct waiting *waiting)
{
	if (!waiting)
		return;
	import_say(waiting->import, IMPORT_MAIL, waiting->what,
		   "%zu messages for %zu recipients%s", waiting->messages,
		   waiting->recipients, waiting->import->yes ? ", taken" : "");
	if (waiting->had)
		import_say(waiting->import, IMPORT_SAME, waiting->what,
			   "%zu recipients were taken before", waiting->had);
	file_close(&waiting->journal_fd);
	settings_list_clear(&waiting->before);
	if (waiting->settings.me)
		settings_clear(&waiting->settings);
	free(waiting);
}

static void format_line(const struct waiting_message *message, const char *recipient,
			char line_out[LINE_MAX])
{
	snprintf(line_out, LINE_MAX, "%s %s", message->key, recipient);
}

/* Recipients left to do, in an array to be freed; *count_out of them. */
static const char **find_open(struct waiting *waiting,
			      const struct waiting_message *message, size_t *count_out)
{
	const char **open =
		must_resize(NULL, message->recipients->count + 1, sizeof(*open));
	char line[LINE_MAX];

	*count_out = 0;
	for (size_t i = 0; i < message->recipients->count; i++) {
		format_line(message, message->recipients->lines[i], line);
		if (settings_list_find(&waiting->before, span_of(line)))
			waiting->had++;
		else
			open[(*count_out)++] = message->recipients->lines[i];
	}
	return open;
}

static bool remember(struct waiting *waiting, const struct waiting_message *message,
		     const char *const *recipients, size_t count, struct err *err)
{
	AUTO_BUF lines = BUF_INIT(JOURNAL_MAX);
	char line[LINE_MAX];

	for (size_t i = 0; i < count; i++) {
		format_line(message, recipients[i], line);
		if (!buf_appendf(&lines, "%s\n", line))
			return err_temporary(err, "",
					     "a message has too many recipients");
	}
	return file_write(waiting->journal_fd, lines.data, lines.len, err) &&
	       file_sync(waiting->journal_fd, JOURNAL, err);
}

static bool bounce(const struct waiting *waiting, const struct waiting_message *message,
		   const struct dsn_recipient *told, struct err *err)
{
	struct parked_name name = { .recipients = 1 };
	struct envelope envelope = { .sender = must_copy(message->sender),
				     .body = message->from };
	struct bounce order = { .root_fd = waiting->import->root_fd,
				.settings = &waiting->settings,
				.name = &name,
				.envelope = &envelope,
				.message_fd = message->fd,
				.action = DSN_FAILED,
				.recipients = told,
				.count = 1 };
	bool done;

	maildir_unique(waiting->settings.me, name.id);
	done = bounce_send(&order, err);
	free(envelope.sender);
	return done;
}

static bool refuse(struct waiting *waiting, const struct waiting_message *message,
		   const char *recipient, const struct err *why, struct err *err)
{
	const struct dsn_recipient told = { .address = recipient,
					    .status = why->status[0] ? why->status
								     : "5.0.0",
					    .reply = why->text };

	import_say(waiting->import, IMPORT_NOTE, waiting->what,
		   "%s: %s; its sender is told", recipient, why->text);
	return bounce(waiting, message, &told, err) &&
	       remember(waiting, message, &recipient, 1, err);
}

/* As one message; where somebody is refused, in halves, until it is he alone. */
static bool send(struct waiting *waiting, const struct waiting_message *message,
		 const char *const *recipients, size_t count, struct err *err)
{
	struct inject inject = { .sender = message->sender,
				 .recipients = recipients,
				 .count = count,
				 .fd = message->fd,
				 .from = message->from };
	struct err why = { 0 };

	if (inject_message(waiting->import->root_fd, &inject, &why)) {
		waiting->recipients += count;
		return remember(waiting, message, recipients, count, err);
	}
	if (count > 1)
		return send(waiting, message, recipients, count / 2, err) &&
		       send(waiting, message, recipients + count / 2, count - count / 2,
			    err);
	if (why.kind == ERR_PERMANENT)
		return refuse(waiting, message, recipients[0], &why, err);
	waiting->import->left++;
	import_say(waiting->import, IMPORT_NOTE, waiting->what, "stays there: %s",
		   why.text);
	return true;
}

bool waiting_add(struct waiting *waiting, const struct waiting_message *message,
		 struct err *err)
{
	size_t count;
	const char **open = find_open(waiting, message, &count);
	bool done = true;

	if (count)
		waiting->messages++;
	if (count && waiting->import->yes)
		done = send(waiting, message, open, count, err);
	else
		waiting->recipients += count;
	free(open);
	return done;
}

bool waiting_bounce(struct waiting *waiting, const struct waiting_message *message,
		    const char *recipient, const char *why, struct err *err)
{
	const struct dsn_recipient told = { .address = recipient,
					    .status = "5.0.0",
					    .reply = why };
	char line[LINE_MAX];

	format_line(message, recipient, line);
	if (settings_list_find(&waiting->before, span_of(line))) {
		waiting->had++;
		return true;
	}
	import_say(waiting->import, IMPORT_MAIL, waiting->what,
		   "%s was refused; its sender is told", recipient);
	return !waiting->import->yes || (bounce(waiting, message, &told, err) &&
					 remember(waiting, message, &recipient, 1, err));
}

void waiting_broken(struct waiting *waiting, const char *key, const char *why)
{
	waiting->import->left++;
	import_say(waiting->import, IMPORT_NOTE, waiting->what, "%s stays there: %s", key,
		   why);
}
