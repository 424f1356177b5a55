#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "control/listen.h"
#include "net/certificate.h"
#include "programs/lontar/check.h"
#include "programs/lontar/tree.h"

#define PEM_MAX         ((size_t)256 * 1024)
#define PRIVILEGED_PORT 1024

/* Beside those of settings_file. */
static const char *const known_files[] = {
	"accounts",     "accounts.cdb", "users.cdb",       "alias",       "tcp.smtp",
	"tcp.smtp.cdb", "listen",       "smarthosts",      "links",       "pickups",
	"secrets",      "tls",          "logins",          "rewrites",    "aliases",
	"aliases.cdb",  "users",        "defaultdelivery", "systemusers", "replies",
};

static void check_owner(struct check *check, const struct tree_folder *folder,
			const struct stat *st)
{
	const struct passwd *owner = folder->owner ? getpwnam(folder->owner) : NULL;

	if (geteuid() == 0 && owner && st->st_uid != owner->pw_uid)
		check_fault(check, "%s: not owned by %s; chown %s it", folder->path,
			    folder->owner, folder->owner);
	else if (faccessat(check->root_fd, folder->path, R_OK | X_OK, AT_EACCESS) != 0)
		check_fault(check, "%s: %s; chmod or chown it", folder->path,
			    strerror(errno));
	else if (geteuid() != 0 && (st->st_mode & S_IWUSR) &&
		 faccessat(check->root_fd, folder->path, W_OK, AT_EACCESS) != 0)
		check_fault(check,
			    "%s: not writable by you; run the gateway as its owner",
			    folder->path);
}

void check_folders(struct check *check)
{
	const struct tree_folder *folder;
	struct stat st;

	for (size_t i = 0; (folder = tree_folder(i)) != NULL; i++) {
		if (fstatat(check->root_fd, folder->path, &st, 0) != 0) {
			check_fault(check, "%s: %s; make it with: mkdir -m %o %s",
				    folder->path, strerror(errno),
				    (unsigned)folder->mode & 0755, folder->path);
			continue;
		}
		if (!S_ISDIR(st.st_mode)) {
			check_fault(check, "%s: no folder; move it away and make one",
				    folder->path);
			continue;
		}
		if (st.st_mode & S_IWOTH)
			check_fault(check, "%s: everyone may write there; chmod o-w it",
				    folder->path);
		else if ((folder->mode & S_IRWXO) == 0 && st.st_mode & S_IRWXO)
			check_fault(check, "%s: open to everyone; chmod o-rwx it",
				    folder->path);
		check_owner(check, folder, &st);
	}
}

static bool is_known(const char *name)
{
	for (size_t i = 0; settings_file(i); i++)
		if (strcmp(settings_file(i), name) == 0)
			return true;
	for (size_t i = 0; i < LENGTH(known_files); i++)
		if (strcmp(known_files[i], name) == 0)
			return true;
	return false;
}

void check_files(struct check *check)
{
	int fd = openat(check->control_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		file_close(&fd);
		check_fault(check, "control: %s; chmod it", strerror(errno));
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    !is_known(entry->d_name))
			check_warning(check,
				      "control/%s: no such setting; nobody reads it",
				      entry->d_name);
	closedir(dir);
}

void check_listen(struct check *check)
{
	struct listen listen;
	struct err err;

	if (!listen_read(check->control_fd, &listen, &err)) {
		check_fault_err(check, &err);
		return;
	}
	for (size_t i = 0; i < listen.count; i++)
		if (geteuid() != 0 && listen.entries[i].port &&
		    listen.entries[i].port < PRIVILEGED_PORT)
			check_warning(
				check,
				"control/listen:%u: port %u is for root; run as root, "
				"or take one from %d on",
				listen.entries[i].line, listen.entries[i].port,
				PRIVILEGED_PORT);
	listen_clear(&listen);
}

void check_tls(struct check *check)
{
	AUTO_BUF certificate = BUF_INIT(PEM_MAX);
	AUTO_BUF key = BUF_INIT(PEM_MAX);
	struct stat st;
	struct err err;

	if (!file_read(check->control_fd, "tls/cert.pem", &certificate, &err) ||
	    !file_read(check->control_fd, "tls/key.pem", &key, &err))
		check_fault(check, "control: %s; without it there is no TLS and no login",
			    err.text);
	else if (!certificate_check(buf_span(&certificate), buf_span(&key), &err))
		check_fault(check,
			    "control/tls/cert.pem: %s; put a new pair in its place",
			    err.text);
	if (key.len)
		explicit_bzero(key.data, key.len);
	if (fstatat(check->control_fd, "tls/key.pem", &st, 0) == 0 &&
	    st.st_mode & S_IRWXO)
		check_fault(check, "control/tls/key.pem: open to everyone; chmod 600 it");
}
