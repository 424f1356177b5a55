#include "import/qmail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "control/access.h"
#include "control/accounts.h"
#include "control/assign.h"
#include "deliver/aliases.h"

/* -1 where there is none, which is no failure. */
static bool open_part(const struct import *import, const char *name, int *fd_out,
		      struct err *err)
{
	*fd_out = openat(import->from_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd_out >= 0 || errno == ENOENT ||
	       err_errno(err, "open %s/%s", import->path, name);
}

/* What qmail takes for local, and how it rewrites. */
static bool read_own(struct qmail *qmail, struct err *err)
{
	struct settings_list me = { 0 };
	bool done =
		settings_list_read_keyed(qmail->control_fd, "virtualdomains",
					 &qmail->own.virtualdomains, err) &&
		settings_list_read(qmail->control_fd, "locals", &qmail->own.locals, err);

	if (!done)
		return false;
	if (qmail->own.locals.count)
		return true;
	done = settings_list_read(qmail->control_fd, "me", &me, err);
	settings_list_clear(&qmail->own.locals);
	qmail->own.locals = me;
	return done;
}

static bool open_home(struct qmail *qmail, struct err *err)
{
	const struct import *import = qmail->import;

	if (!open_part(import, "control", &qmail->control_fd, err) ||
	    !open_part(import, "alias", &qmail->alias_fd, err))
		return false;
	if (qmail->control_fd < 0)
		return err_exit(err, EX_NOINPUT,
				"%s has no control folder; name a qmail home, as "
				"/var/qmail",
				import->path);
	return read_own(qmail, err);
}

/* A map that cannot be made keeps its old one, and does not undo the rest. */
static void compile(const struct import *import)
{
	static bool (*const rebuild[])(
		int, struct err *) = { access_rebuild, assign_rebuild, aliases_rebuild };
	struct err err;

	for (size_t i = 0; import->yes && i < LENGTH(rebuild); i++)
		if (!rebuild[i](import->control_fd, &err))
			import_say(import, IMPORT_NOTE, "maps",
				   "%s; mend it, then `lontar rebuild`", err.text);
}

static bool bring_mail(struct qmail *qmail, struct err *err)
{
	AUTO_FD queue_fd = -1;

	if (!qmail_serial_mail(qmail, err) ||
	    !open_part(qmail->import, "queue", &queue_fd, err))
		return false;
	if (queue_fd >= 0)
		return qmail_queue_mail(qmail->import, queue_fd, &qmail->own, err);
	import_say(qmail->import, IMPORT_NOTE, "queue", "there is none");
	return true;
}

bool import_qmail(struct import *import, struct err *err)
{
	struct qmail qmail = { .import = import, .control_fd = -1, .alias_fd = -1 };
	bool done = open_home(&qmail, err) && qmail_find_serial(&qmail, err) &&
		    qmail_settings(&qmail, err) && qmail_routes(&qmail, err) &&
		    qmail_people(&qmail, err);

	if (done) {
		compile(import);
		done = bring_mail(&qmail, err);
	}
	settings_list_clear(&qmail.own.locals);
	settings_list_clear(&qmail.own.virtualdomains);
	file_close(&qmail.control_fd);
	file_close(&qmail.alias_fd);
	return done;
}

char *import_qmail_me(const struct import *import, struct err *err)
{
	AUTO_BUF text = BUF_INIT(4096);
	struct span rest, line;

	if (!file_read(import->from_fd, "control/me", &text, err)) {
		err_context(err, "%s", import->path);
		return NULL;
	}
	rest = buf_span(&text);
	if (span_cut(&rest, '\n', &line)) {
		line = span_trim(line);
		text.data[line.at - text.data + (ptrdiff_t)line.len] = '\0';
		return must_copy(line.at);
	}
	return must_copy("");
}
