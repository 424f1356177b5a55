/* Whose mail is whose in a qmail home: users/assign, alias/, what is usual, fastforward's
 * aliases, and what the users' own files need. */
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "import/instructions.h"
#include "import/names.h"
#include "import/qmail.h"
#include "import/target.h"

#define TEXT_MAX ((size_t)64 * 1024 * 1024)

static bool is_for_alias(struct span line, const char *home)
{
	struct span field;
	char folder[700];

	/* "+:alias:uid:gid:home:-::", as qmail-pw2u ends its list. */
	if (line.len < 2 || line.at[0] != '+' || line.at[1] != ':')
		return false;
	for (unsigned i = 0; i < 5; i++)
		if (!span_cut(&line, ':', &field))
			return false;
	snprintf(folder, sizeof(folder), "%s/alias", home);
	return span_is(field, folder) || span_is(field, "/var/qmail/alias");
}

/* What is left over is the alias user's here anyway. */
static bool copy_assign(struct qmail *qmail, struct span text, struct buf *out)
{
	struct span line;

	while (text.len && span_cut(&text, '\n', &line)) {
		if (is_for_alias(line, qmail->import->path)) {
			qmail->has_catch_all = true;
			continue;
		}
		if (!buf_append_span(out, line) || !buf_append_byte(out, '\n'))
			return false;
	}
	return true;
}

static bool carry_assign(struct qmail *qmail, struct err *err)
{
	struct import *import = qmail->import;
	AUTO_BUF text = BUF_INIT(TEXT_MAX);
	AUTO_BUF kept = BUF_INIT(TEXT_MAX);
	bool found;

	if (!file_read_if_any(import->from_fd, "users/assign", &text, &found, err))
		return err_context(err, "%s", import->path);
	if (!found) {
		if (faccessat(import->from_fd, "users/cdb", F_OK, 0) == 0)
			import_say(import, IMPORT_NOTE, "users/cdb",
				   "has no users/assign beside it; write control/users/"
				   "assign and `lontar rebuild`");
		return true;
	}
	if (!copy_assign(qmail, buf_span(&text), &kept))
		return err_permanent(err, "", "users/assign is too large");
	if (import->yes && !file_make_dir(import->control_fd, "users", 0755, err))
		return false;
	return target_text(import, "users/assign", buf_span(&kept), 0644, err);
}

/* qmail-getpw asked for the system's users where users/cdb had nobody. */
static bool carry_system_users(struct qmail *qmail, struct err *err)
{
	if (qmail->has_catch_all) {
		import_say(qmail->import, IMPORT_NOTE, "systemusers",
			   "not set: users/assign named everybody");
		return true;
	}
	import_say(qmail->import, IMPORT_NOTE, "checkpassword",
		   "for POP3 with the system's passwords write \"pam\" into control/"
		   "checkpassword");
	return target_value(qmail->import, "systemusers", "yes", err);
}

static bool is_serial(const struct qmail *qmail, const char *name)
{
	char file[200];

	for (size_t i = 0; i < qmail->serial_count; i++) {
		snprintf(file, sizeof(file), ".qmail-%s-default", qmail->serial[i].name);
		for (char *at = file + 1; *at; at++)
			if (*at == '.')
				*at = ':';
		if (strcmp(file, name) == 0)
			return true;
	}
	return false;
}

/* An empty one: qmail put that mail into the alias user's own mailbox. */
static bool carry_empty(struct qmail *qmail, const char *name, struct err *err)
{
	static const char *const ours[] = { ".qmail-postmaster", ".qmail-mailer-daemon",
					    ".qmail-root" };
	static const char line[] = "&postmaster\n";
	struct import *import = qmail->import;
	char path[300];

	for (size_t i = 0; i < LENGTH(ours); i++) {
		if (strcmp(name, ours[i]) != 0)
			continue;
		import_say(import, IMPORT_NOTE, name,
			   "is empty: mail for it goes where `lontar init` said, no "
			   "longer into the alias user's mailbox");
		return true;
	}
	import_say(import, IMPORT_NOTE, name,
		   "is empty: mail for it went into the alias user's mailbox, and goes "
		   "to postmaster now");
	snprintf(path, sizeof(path), "alias/%s", name);
	return target_text(import, path, span_of(line), 0644, err);
}

/* control/aliases does fastforward's work; its source is beside its map. */
static bool carry_aliases(struct qmail *qmail, const char *map, struct err *err)
{
	struct import *import = qmail->import;
	AUTO_BUF text = BUF_INIT(TEXT_MAX);
	size_t len = strlen(map);
	char path[600];
	bool found;

	if (len < 5 || strcmp(map + len - 4, ".cdb") != 0 || len >= sizeof(path))
		return true;
	snprintf(path, sizeof(path), "%.*s", (int)len - 4, map);
	if (!file_read_if_any(qmail->alias_fd, path, &text, &found, err))
		return false;
	if (found)
		return target_text(import, "aliases", buf_span(&text), 0644, err);
	import_say(import, IMPORT_NOTE, map, "%s, from which it was made, is not there",
		   path);
	return true;
}

static void tell_changes(const struct qmail *qmail, const char *name,
			 const struct instructions *done)
{
	const struct import *import = qmail->import;

	if (done->paths)
		import_say(import, IMPORT_NOTE, name,
			   "%u paths below alias/ are written in full: mailboxes stay "
			   "where they are",
			   done->paths);
	if (done->programs)
		import_say(import, IMPORT_NOTE, name,
			   "%u of qmail's programs are now Lontar's of the same name",
			   done->programs);
	if (done->foreign[0])
		import_say(import, IMPORT_NONE, name,
			   "runs %s, which needs qmail's queue; nothing here does its "
			   "work",
			   done->foreign);
}

static bool carry_alias(struct qmail *qmail, const char *name, struct err *err)
{
	AUTO_BUF text = BUF_INIT(TEXT_MAX);
	AUTO_BUF out = BUF_INIT(TEXT_MAX);
	struct instructions done;
	char path[300];
	struct stat st;

	if (!file_read(qmail->alias_fd, name, &text, err) ||
	    fstatat(qmail->alias_fd, name, &st, 0) != 0)
		return err_context(err, "alias");
	if (!text.len)
		return carry_empty(qmail, name, err);
	if (!instructions_translate(qmail->import->path, buf_span(&text), &out, &done))
		return err_permanent(err, "", "alias/%s is too large", name);
	if (done.aliases_map[0]) {
		import_say(qmail->import, IMPORT_NOTE, name,
			   "fastforward's line goes: control/aliases does its work");
		if (!carry_aliases(qmail, done.aliases_map, err))
			return false;
	}
	tell_changes(qmail, name, &done);
	snprintf(path, sizeof(path), "alias/%s", name);
	return !out.len ||
	       target_text(qmail->import, path, buf_span(&out), st.st_mode & 0755, err);
}

static bool carry_alias_files(struct qmail *qmail, struct err *err)
{
	struct settings_list names = { 0 };
	bool done =
		qmail->alias_fd < 0 || names_in(qmail->alias_fd, "alias", &names, err);

	for (size_t i = 0; done && i < names.count; i++) {
		const char *name = names.lines[i];

		if (strncmp(name, ".qmail-", 7) != 0)
			continue;
		if (is_serial(qmail, name))
			import_say(qmail->import, IMPORT_NOTE, name,
				   "was serialmail's; smtproutes does its work");
		else
			done = carry_alias(qmail, name, err);
	}
	settings_list_clear(&names);
	return done;
}

/* control/defaultdelivery, as many boot scripts have it, else what the script itself
 * hands to qmail-start. */
static bool carry_usual(struct qmail *qmail, struct err *err)
{
	struct import *import = qmail->import;
	AUTO_BUF text = BUF_INIT(TEXT_MAX);
	AUTO_BUF usual = BUF_INIT(TEXT_MAX);
	bool found;

	if (!file_read_if_any(qmail->control_fd, "defaultdelivery", &usual, &found, err))
		return false;
	if (!found) {
		if (!file_read_if_any(import->from_fd, "rc", &text, &found, err))
			return false;
		if (!instructions_usual(buf_span(&text), &usual)) {
			import_say(import, IMPORT_NOTE, "rc",
				   "does not say what is usual for users' mail; here it "
				   "is ./Maildir/ (control/defaultdelivery)");
			return true;
		}
	}
	return target_text(import, "defaultdelivery", buf_span(&usual), 0644, err);
}

/* A user's own file, which stays in his home. False: it is none. */
static bool look_at_file(const struct qmail *qmail, int home_fd, const char *name,
			 const char *user)
{
	AUTO_BUF text = BUF_INIT((size_t)1024 * 1024);
	AUTO_BUF out = BUF_INIT((size_t)4 * 1024 * 1024);
	struct instructions done;
	struct err ignored;

	if (strncmp(name, ".qmail", 6) != 0 ||
	    !file_read(home_fd, name, &text, &ignored) ||
	    !instructions_translate(qmail->import->path, buf_span(&text), &out, &done))
		return false;
	if (done.programs || done.foreign[0])
		import_say(qmail->import, IMPORT_NOTE, name,
			   "of user %s runs programs of %s/bin: write their names alone, "
			   "Lontar's are found first",
			   user, qmail->import->path);
	return true;
}

static bool look_at_home(const struct qmail *qmail, const struct passwd *entry)
{
	AUTO_FD home = open(entry->pw_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct settings_list names;
	struct err ignored;
	bool any = false;

	if (home < 0 || !names_in(home, entry->pw_dir, &names, &ignored))
		return false;
	for (size_t i = 0; i < names.count; i++)
		if (look_at_file(qmail, home, names.lines[i], entry->pw_name))
			any = true;
	settings_list_clear(&names);
	return any;
}

static void look_at_homes(struct qmail *qmail)
{
	const struct passwd *entry;
	unsigned with_files = 0;

	setpwent();
	while ((entry = getpwent()))
		if (entry->pw_uid >= 1000 && entry->pw_uid < 60000)
			with_files += look_at_home(qmail, entry);
	endpwent();
	if (with_files)
		import_say(qmail->import, IMPORT_SAME, "homes",
			   "the .qmail files of %u users are obeyed as they are",
			   with_files);
}

bool qmail_people(struct qmail *qmail, struct err *err)
{
	if (!carry_assign(qmail, err) || !carry_system_users(qmail, err) ||
	    !carry_usual(qmail, err) || !carry_alias_files(qmail, err))
		return false;
	look_at_homes(qmail);
	return true;
}
