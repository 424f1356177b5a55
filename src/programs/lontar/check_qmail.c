/* lontar check: the .qmail files of aliases and accounts, line by line. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "control/accounts.h"
#include "deliver/local_user.h"
#include "deliver/qmail_find.h"
#include "programs/lontar/check.h"

/* Does mail for this local name end anywhere? Only a certain no counts. */
static bool leads_nowhere(const struct check *check, const char *local)
{
	struct local_search search = { .root_fd = check->root_fd,
				       .control_fd = check->control_fd };
	AUTO_FD alias_fd =
		openat(check->control_fd, "alias", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct qmail_place place = {
		.home_fd = alias_fd, .owner = QMAIL_ANY_OWNER, .dash = "-", .ext = local
	};
	struct local_user user;
	struct err ignored;
	bool there = true;

	if (!local_user_find(&search, local, &user, &ignored) ||
	    user.kind != LOCAL_ALIAS || alias_fd < 0)
		return false;
	return qmail_exists(&place, &there, &ignored) && !there;
}

static void check_line(struct check *check, const char *folder, const char *file,
		       const struct qmail_line *line)
{
	struct stat st;

	if (line->kind == QMAIL_FORWARD && !strchr(line->text, '@') &&
	    leads_nowhere(check, line->text))
		check_fault(check,
			    "%s/%s:%u: leads to %.80s, who has no account and no alias; "
			    "name another",
			    folder, file, line->number, line->text);
	if (line->kind == QMAIL_MAILDIR && line->text[0] == '/' &&
	    stat(line->text, &st) != 0)
		check_warning(check, "%s/%s:%u: %s is not there; run maildirmake", folder,
			      file, line->number, line->text);
}

/* folder_fd: control/alias or mail/USER; folder: that, for people. */
static void check_file(struct check *check, int folder_fd, const char *folder,
		       const char *name)
{
	struct qmail_place place = {
		.home_fd = folder_fd, .owner = QMAIL_ANY_OWNER, .dash = "", .ext = ""
	};
	bool is_alias = strcmp(folder, "control/alias") == 0;
	struct qmail_found found;
	struct err err;

	if (strlen(name) >= sizeof(found.name)) {
		check_fault(check, "%s/%.80s...: name too long", folder, name);
		return;
	}
	if (!qmail_read(&place, name, &found, &err)) {
		check_fault(check, "%s/%s", folder, err.text);
		return;
	}
	if (is_alias && found.is_empty)
		check_fault(check,
			    "%s/%s: names no address; write one, or # to throw its "
			    "mail away",
			    folder, name);
	for (size_t i = 0; i < found.file.count; i++)
		check_line(check, folder, name, &found.file.lines[i]);
	qmail_found_clear(&found);
}

static void check_folder(struct check *check, const char *folder, int fd)
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool is_alias = strcmp(folder, "control/alias") == 0;

	if (!dir) {
		file_close(&fd); /* check_folders has told */
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, ".qmail", 6) == 0)
			check_file(check, dirfd(dir), folder, entry->d_name);
		else if (is_alias && strcmp(entry->d_name, ".") != 0 &&
			 strcmp(entry->d_name, "..") != 0)
			check_warning(check,
				      "control/alias/%s: not read; call it .qmail-NAME",
				      entry->d_name);
	}
	closedir(dir);
}

static void check_accounts_files(struct check *check)
{
	struct settings_list names;
	struct err ignored;
	char folder[ACCOUNT_NAME_MAX + 8];

	if (!account_names(check->control_fd, &names, &ignored))
		return; /* check_maps has told */
	for (size_t i = 0; i < names.count; i++) {
		snprintf(folder, sizeof(folder), "mail/%s", names.lines[i]);
		check_folder(check, folder,
			     openat(check->root_fd, folder,
				    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
	}
	settings_list_clear(&names);
}

void check_aliases(struct check *check)
{
	if (leads_nowhere(check, "postmaster"))
		check_fault(check,
			    "control/alias/.qmail-postmaster: missing; write the name of "
			    "who reads mail for postmaster into it (RFC 5321 4.5.1)");
	check_folder(
		check, "control/alias",
		openat(check->control_fd, "alias", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	check_accounts_files(check);
}
