#include "programs/lontar-mailbox/whose.h"

#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "control/accounts.h"
#include "control/root.h"
#include "deliver/local_user.h"
#include "deliver/qmail_file.h"

#define USUAL_MAX ((size_t)16 * 1024)
#define PATH_ROOM 600

static const char system_prefix[] = "system:";

/* Root opened the folder; what is inside is touched as its owner only. */
static bool become_owner(const struct mailbox *mailbox, struct err *err)
{
	uid_t uid;
	gid_t gid;

	mailbox_owner(mailbox, &uid, &gid);
	if (geteuid() != 0 || uid == 0)
		return true;
	if (setgroups(0, NULL) == 0 && setgid(gid) == 0 && setuid(uid) == 0)
		return true;
	return err_errno(err, "become user %ld", (long)uid);
}

static struct mailbox *of_account(int root_fd, const char *user, struct err *err)
{
	struct mailbox *mailbox;

	if (!account_name_is_valid(user)) {
		err_exit(err, EX_USAGE, "\"%s\" is no user's name", user);
		return NULL;
	}
	mailbox = mailbox_open(root_fd, user, err);
	if (!mailbox || become_owner(mailbox, err))
		return mailbox;
	mailbox_close(mailbox);
	return NULL;
}

/* The first mailbox that the lines name. */
static bool choose_line(const struct qmail_file *file, char path_out[PATH_ROOM],
			struct err *err)
{
	for (size_t i = 0; i < file->count; i++) {
		const struct qmail_line *line = &file->lines[i];

		if (line->kind == QMAIL_MBOX)
			return err_permanent(err, "",
					     "your mail is in the file %s, and only "
					     "Maildirs are read here; ask for a Maildir",
					     line->text);
		if (line->kind != QMAIL_MAILDIR || strlen(line->text) >= PATH_ROOM)
			continue;
		memcpy(path_out, line->text, strlen(line->text) + 1);
		return true;
	}
	memcpy(path_out, "Maildir", sizeof("Maildir"));
	return true;
}

static bool usual_maildir(int control_fd, char path_out[PATH_ROOM], struct err *err)
{
	AUTO_BUF text = BUF_INIT(USUAL_MAX);
	struct qmail_file file = { .count = 0 };
	bool found, chosen;

	if (!file_read_if_any(control_fd, "defaultdelivery", &text, &found, err) ||
	    !qmail_file_parse(buf_span(&text), false, &file, err))
		return err_context(err, "control/defaultdelivery");
	chosen = choose_line(&file, path_out, err);
	qmail_file_clear(&file);
	return chosen;
}

static struct mailbox *of_system_user(int root_fd, const char *local, struct err *err)
{
	AUTO_FD control_fd = root_control(root_fd, err);
	struct local_search search = { .root_fd = -1, .control_fd = control_fd };
	struct local_user user;
	char path[PATH_ROOM];
	AUTO_FD home_fd = -1;

	if (control_fd < 0 || !local_system_find(&search, local, &user, err) ||
	    !usual_maildir(control_fd, path, err))
		return NULL;
	if (user.uid != geteuid()) {
		err_temporary(err, "", "%s is another user than we run as", user.name);
		return NULL;
	}
	home_fd = file_open_dir(AT_FDCWD, user.home, err);
	return home_fd < 0 ? NULL : mailbox_open_at(home_fd, path, err);
}

struct mailbox *whose_mailbox(int root_fd, const char *user, struct err *err)
{
	size_t len = strlen(system_prefix);

	if (strncmp(user, system_prefix, len) == 0)
		return of_system_user(root_fd, user + len, err);
	return of_account(root_fd, user, err);
}
