#include "deliver/local_user.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "control/accounts.h"
#include "control/assign.h"
#include "control/settings_list.h"
#include "deliver/qmail_find.h"

#define SYSTEM_NAME_MAX 32
#define LOCAL_MAX       200 /* RFC 5321 4.5.3.1.1 wants 64 */
/* Below are the system's own accounts, many without a home; where one of a person is
 * missing, a disk is not mounted (Debian Policy 9.2.2). */
#define PEOPLE_FROM 1000
#define NOBODY_UID  65534

enum answer {
	YES,
	NO,
	FAILED
};

static void set(struct local_user *out, enum local_kind kind, const char *name,
		const char *dash, const char *ext)
{
	out->kind = kind;
	snprintf(out->name, sizeof(out->name), "%s", name);
	snprintf(out->dash, sizeof(out->dash), "%s", dash);
	snprintf(out->ext, sizeof(out->ext), "%s", ext);
}

/* The first len bytes in lower case; false: too long to be a name. */
static bool name_of(const char *local, size_t len, char *name_out, size_t room)
{
	if (len >= room)
		return false;
	for (size_t i = 0; i < len; i++)
		name_out[i] = (char)tolower((unsigned char)local[i]);
	name_out[len] = '\0';
	return true;
}

/* The end of the user's name, one dash further left each time; 0: no more. */
static size_t next_split(const char *local, size_t len)
{
	while (len > 0 && local[len - 1] != '-')
		len--;
	return len ? len - 1 : 0;
}

static enum answer has_file(const struct local_search *search,
			    const struct local_user *user, struct err *err)
{
	struct qmail_place place = { .home_fd = -1,
				     .owner = QMAIL_ANY_OWNER,
				     .dash = user->dash,
				     .ext = user->ext };
	AUTO_FD home_fd = openat(search->root_fd, user->home,
				 O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	bool there;

	if (home_fd < 0 && errno == ENOENT)
		return NO;
	place.home_fd = home_fd;
	if (home_fd < 0) {
		err_errno(err, "open folder %s", user->home);
		return FAILED;
	}
	if (!qmail_exists(&place, &there, err))
		return FAILED;
	return there ? YES : NO;
}

static enum answer find_account(const struct local_search *search, const char *local,
				struct local_user *out, struct err *err)
{
	char name[ACCOUNT_NAME_MAX];
	enum answer answer;

	for (size_t len = strlen(local); len > 0; len = next_split(local, len)) {
		bool exact = !local[len];

		if (!exact && search->root_fd < 0)
			return NO;
		if (!name_of(local, len, name, sizeof(name)))
			continue;
		switch (account_find(search->control_fd, name, NULL, err)) {
		case ACCOUNT_UNKNOWN:
			err_context(err, "control/accounts");
			return FAILED;
		case ACCOUNT_NO:
			continue;
		case ACCOUNT_YES:
			break;
		}
		set(out, LOCAL_ACCOUNT, name, exact ? "" : "-",
		    exact ? "" : local + len + 1);
		snprintf(out->home, sizeof(out->home), "mail/%s", name);
		answer = exact ? YES : has_file(search, out, err);
		if (answer != NO)
			return answer;
	}
	return NO;
}

static enum answer refuse_root(struct local_user *out, struct err *err)
{
	if (out->uid != 0)
		return YES;
	err_temporary(err, "4.3.5",
		      "control/users/assign gives mail to uid 0; nothing is delivered as "
		      "root, name another user");
	return FAILED;
}

static enum answer find_assigned(const struct local_search *search, const char *local,
				 struct local_user *out, struct err *err)
{
	struct assign assign;

	switch (assign_find(search->control_fd, local, &assign, err)) {
	case ASSIGN_FAILED:
		return FAILED;
	case ASSIGN_NO:
		return NO;
	case ASSIGN_YES:
		break;
	}
	set(out, LOCAL_SYSTEM, assign.user, assign.dash, assign.ext);
	snprintf(out->home, sizeof(out->home), "%s", assign.home);
	out->uid = assign.uid;
	out->gid = assign.gid;
	return refuse_root(out, err);
}

/* qmail-getpw's conditions: not root, and a home that is his. */
static enum answer judge(const struct passwd *entry, struct err *err)
{
	bool is_person = entry->pw_uid >= PEOPLE_FROM && entry->pw_uid != NOBODY_UID;
	struct stat st;

	if (entry->pw_uid == 0)
		return NO;
	if (stat(entry->pw_dir, &st) == 0)
		return st.st_uid == entry->pw_uid ? YES : NO;
	if (!is_person && (errno == ENOENT || errno == EACCES || errno == ENOTDIR))
		return NO;
	err_errno(err, "home of %s", entry->pw_name);
	err->kind = ERR_TEMPORARY;
	snprintf(err->status, sizeof(err->status), "4.2.1");
	return FAILED;
}

/* control/systemusers says "yes". */
static bool wants_system_users(const struct local_search *search, bool *wants_out,
			       struct err *err)
{
	struct settings_list list;

	if (!settings_list_read(search->control_fd, "systemusers", &list, err))
		return false;
	*wants_out = list.count && strcasecmp(list.lines[0], "yes") == 0;
	settings_list_clear(&list);
	return true;
}

static enum answer find_system(const struct local_search *search, const char *local,
			       struct local_user *out, struct err *err)
{
	char name[SYSTEM_NAME_MAX];
	bool wants;

	if (!wants_system_users(search, &wants, err))
		return FAILED;
	if (!wants)
		return NO;
	for (size_t len = strlen(local); len > 0; len = next_split(local, len)) {
		struct passwd *entry;
		enum answer answer;

		if (!name_of(local, len, name, sizeof(name)))
			continue;
		errno = 0;
		entry = getpwnam(name);
		if (!entry && (errno == EIO || errno == EMFILE || errno == ENFILE ||
			       errno == ENOMEM || errno == EINTR || errno == ETIMEDOUT)) {
			err_errno(err, "look up user %s", name);
			return FAILED;
		}
		answer = entry ? judge(entry, err) : NO;
		if (answer == FAILED)
			return FAILED;
		if (answer == NO || strlen(entry->pw_dir) >= sizeof(out->home))
			continue;
		set(out, LOCAL_SYSTEM, name, local[len] ? "-" : "",
		    local[len] ? local + len + 1 : "");
		snprintf(out->home, sizeof(out->home), "%s", entry->pw_dir);
		out->uid = entry->pw_uid;
		out->gid = entry->pw_gid;
		return YES;
	}
	return NO;
}

static enum answer find_outside(const struct local_search *search, const char *local,
				struct local_user *out, struct err *err)
{
	enum answer answer;

	if (strlen(local) > LOCAL_MAX)
		return NO;
	answer = find_assigned(search, local, out, err);
	return answer == NO ? find_system(search, local, out, err) : answer;
}

bool local_system_find(const struct local_search *search, const char *local,
		       struct local_user *out, struct err *err)
{
	switch (find_outside(search, local, out, err)) {
	case YES:
		return true;
	case NO:
		return err_permanent(err, "5.1.1", "no user of this system is %.80s",
				     local);
	case FAILED:
		break;
	}
	return false;
}

bool local_user_find(const struct local_search *search, const char *local,
		     struct local_user *out, struct err *err)
{
	enum answer answer = find_account(search, local, out, err);

	if (answer == NO)
		answer = find_outside(search, local, out, err);
	if (answer == NO) {
		set(out, LOCAL_ALIAS, "alias", "-", local);
		snprintf(out->home, sizeof(out->home), "control/alias");
		out->uid = out->gid = 0;
		answer = YES;
	}
	return answer == YES;
}
