#include "programs/lontar/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Two roles work in a folder: its group is the second one's, and what is made in it
 * stays in that group. */
#define SHARED (S_ISGID | 0770)

static const struct tree_folder folders[] = {
	{ "control", 0755, NULL, NULL },
	{ "control/alias", 0755, NULL, NULL },
	{ "control/smarthosts", 0755, NULL, NULL },
	{ "control/links", 0755, NULL, NULL },
	{ "control/pickups", 0755, NULL, NULL },
	{ "control/logins", 0755, NULL, NULL },
	{ "control/tls", 0755, NULL, NULL },
	{ "control/secrets", S_ISGID | 0750, NULL, ROLE_OUT },
	{ "spool", 0711, ROLE_MAIL, ROLE_MAIL },
	{ "spool/incoming", 0700, ROLE_MAIL, ROLE_MAIL },
	{ "spool/parked", SHARED, ROLE_MAIL, ROLE_OUT },
	{ "spool/pickup", SHARED, ROLE_MAIL, ROLE_OUT },
	{ "spool/state", SHARED, ROLE_MAIL, ROLE_OUT },
	{ "spool/state/smarthosts", SHARED, ROLE_MAIL, ROLE_OUT },
	{ "spool/state/stops", SHARED, ROLE_MAIL, ROLE_OUT },
	{ "spool/state/pickups", SHARED, ROLE_MAIL, ROLE_OUT },
	{ "spool/state/links", SHARED, ROLE_MAIL, ROLE_OUT },
	{ "spool/state/logins", SHARED, ROLE_MAIL, ROLE_OUT },
	{ "spool/state/tokens", 0700, ROLE_OUT, ROLE_OUT },
	{ "spool/state/usage", SHARED, ROLE_MAIL, ROLE_OUT },
	{ "mail", 0700, ROLE_MAIL, ROLE_MAIL },
	/* Sockets that any local user may connect to. */
	{ "run", S_ISGID | 0775, ROLE_MAIL, ROLE_OUT },
	{ "log", 0700, NULL, NULL },
};

const struct tree_folder *tree_folder(size_t i)
{
	return i < LENGTH(folders) ? &folders[i] : NULL;
}

static bool give(int root_fd, const struct tree_folder *folder, struct err *err)
{
	const struct passwd *user = folder->owner ? getpwnam(folder->owner) : NULL;
	const struct group *entry = folder->group ? getgrnam(folder->group) : NULL;
	uid_t uid = user ? user->pw_uid : (uid_t)-1;
	gid_t gid = entry ? entry->gr_gid : (gid_t)-1;

	if (geteuid() != 0 || (!user && !entry) ||
	    fchownat(root_fd, folder->path, uid, gid, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	return err_errno(err, "chown %s", folder->path);
}

/* Where the group is no role's, it may be one that many people are in. */
static mode_t mode_for(const struct tree_folder *folder)
{
	bool is_given = geteuid() == 0 && folder->group && getgrnam(folder->group);

	if (is_given || !folder->group)
		return folder->mode;
	return folder->mode & (folder->mode & S_IRWXO ? 0755 : 0700);
}

static bool make(int root_fd, const struct tree_folder *folder, struct err *err)
{
	struct stat st;

	/* Through a symbolic link too: control may be /etc/lontar. */
	if (mkdirat(root_fd, folder->path, 0700) != 0) {
		if (errno == EEXIST && fstatat(root_fd, folder->path, &st, 0) == 0 &&
		    S_ISDIR(st.st_mode))
			return true;
		errno = errno == EEXIST ? ENOTDIR : errno;
		return err_errno(err, "make folder %s", folder->path);
	}
	if (!give(root_fd, folder, err))
		return false;
	/* After the owner, whose change takes the set-id bit away; and past the umask. */
	if (fchmodat(root_fd, folder->path, mode_for(folder), 0) == 0)
		return true;
	return err_errno(err, "chmod %s", folder->path);
}

bool tree_make(int root_fd, struct err *err)
{
	for (size_t i = 0; i < LENGTH(folders); i++)
		if (!make(root_fd, &folders[i], err))
			return false;
	return true;
}

bool tree_make_folder(int root_fd, const char *path, struct err *err)
{
	for (size_t i = 0; i < LENGTH(folders); i++)
		if (strcmp(folders[i].path, path) == 0)
			return make(root_fd, &folders[i], err);
	return err_exit(err, EX_SOFTWARE, "%s is no folder of a root", path);
}

bool tree_make_mailbox(int root_fd, const char *user, struct err *err)
{
	static const char *const parts[] = { "", "/Maildir", "/Maildir/tmp",
					     "/Maildir/new", "/Maildir/cur" };
	char path[128];
	struct tree_folder folder = { path, 0700, ROLE_MAIL, ROLE_MAIL };

	for (size_t i = 0; i < LENGTH(parts); i++) {
		snprintf(path, sizeof(path), "mail/%s%s", user, parts[i]);
		if (!make(root_fd, &folder, err))
			return false;
	}
	return true;
}

bool tree_make_path(const char *path, struct err *err)
{
	char part[4096];
	size_t len = strlen(path);

	if (len >= sizeof(part)) {
		errno = ENAMETOOLONG;
		return err_errno(err, "make folder %.80s...", path);
	}
	for (size_t end = 1; end <= len; end++) {
		if (path[end] != '/' && path[end] != '\0')
			continue;
		memcpy(part, path, end);
		part[end] = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return err_errno(err, "make folder %s", part);
	}
	return true;
}
