/* What waits in serialmail's Maildirs: Return-Path, Delivered-To with the prefix that
 * virtualdomains put there, then the message. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "import/names.h"
#include "import/qmail.h"
#include "import/queued.h"
#include "import/waiting.h"
#include "mail/envelope.h"

static bool take_file(struct waiting *waiting, const struct qmail_serial *serial,
		      int folder_fd, const char *name, struct err *err)
{
	AUTO_FD fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct waiting_message message = { .fd = fd };
	struct queued queued = { .sender = NULL };
	struct envelope envelope;
	struct err why = { 0 };
	const char *address;
	char key[400];
	struct stat st;
	bool done;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return true;
	if (!envelope_read(fd, 1, &envelope, &why)) {
		waiting_broken(waiting, name, why.text);
		return true;
	}
	address = envelope.recipients[0].address;
	if (strncasecmp(address, serial->prefix, strlen(serial->prefix)) == 0)
		address += strlen(serial->prefix);
	queued_recipient(&queued, span_of(address));
	snprintf(key, sizeof(key), "maildir %.255s %" PRId64, name, (int64_t)st.st_mtime);
	message.key = key;
	message.sender = envelope.sender;
	message.from = envelope.body;
	message.recipients = &queued.recipients;
	done = waiting_add(waiting, &message, err);
	queued_clear(&queued);
	envelope_clear(&envelope);
	return done;
}

static bool take_folder(struct waiting *waiting, const struct qmail_serial *serial,
			int maildir_fd, const char *folder, struct err *err)
{
	AUTO_FD fd = openat(maildir_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct settings_list names;
	bool done = true;

	if (fd < 0)
		return true;
	if (!names_in(fd, folder, &names, err))
		return false;
	for (size_t i = 0; done && i < names.count; i++)
		done = names.lines[i][0] == '.' ||
		       take_file(waiting, serial, fd, names.lines[i], err);
	settings_list_clear(&names);
	return done;
}

static bool take_maildir(struct qmail *qmail, const struct qmail_serial *serial,
			 struct err *err)
{
	AUTO_FD fd = openat(qmail->alias_fd, serial->folder,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct waiting *waiting;
	bool done;

	if (fd < 0) {
		import_say(qmail->import, IMPORT_NOTE, serial->folder, "is not there");
		return true;
	}
	waiting = waiting_open(qmail->import, serial->folder, err);
	done = waiting && take_folder(waiting, serial, fd, "new", err) &&
	       take_folder(waiting, serial, fd, "cur", err);
	waiting_close(waiting);
	return done;
}

bool qmail_serial_mail(struct qmail *qmail, struct err *err)
{
	for (size_t i = 0; i < qmail->serial_count; i++)
		if (!take_maildir(qmail, &qmail->serial[i], err))
			return false;
	return true;
}
