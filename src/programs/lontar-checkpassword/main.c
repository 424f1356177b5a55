/*
 * lontar-checkpassword PROG ARGS: our accounts for other people's programs, by djb's
 * checkpassword interface: name NUL password NUL anything NUL on descriptor 3; for a
 * right password it becomes the mailbox's owner, goes to the user's folder, sets USER,
 * HOME and SHELL and runs PROG, whose exit code is then ours. 1: wrong; 2: used wrongly;
 * 111: temporary.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/args.h"
#include "base/file.h"
#include "base/log.h"
#include "control/accounts.h"
#include "control/root.h"
#include "control/routes.h"
#include "control/settings.h"

#define INPUT_FD  3
#define INPUT_MAX 512

enum {
	WRONG = 1,
	MISUSED = 2,
	TEMPORARY = 111
};

static const char usage[] =
	"usage: lontar-checkpassword PROG [ARG...]\n"
	"Reads name NUL password NUL timestamp NUL from descriptor 3; where control/accounts\n"
	"has them, goes to the user's mail folder as its owner and runs PROG there, with\n"
	"USER, HOME and SHELL set. Exit code 1: wrong; 111: try again later.\n"
	"The root is LONTAR_ROOT or /var/lib/lontar.\n";

struct input {
	char bytes[INPUT_MAX + 1];
	char *user;
	char *password;
};

/* An exit code, 0 for fine. */
static int read_input(struct input *input)
{
	size_t used = 0, left;
	char *end;
	ssize_t got;

	while ((got = read(INPUT_FD, input->bytes + used, sizeof(input->bytes) - used)) !=
	       0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EBADF ? MISUSED : TEMPORARY;
		used += (size_t)got;
		if (used == sizeof(input->bytes))
			return WRONG; /* too long to be right */
	}
	close(INPUT_FD);
	input->user = input->bytes;
	end = memchr(input->bytes, '\0', used);
	if (!end)
		return MISUSED;
	input->password = end + 1;
	left = used - (size_t)(input->password - input->bytes);
	return memchr(input->password, '\0', left) ? 0 : MISUSED;
}

/* As lontar-auth takes them: any case, and an address at one of our domains. */
static void plain_name(int control_fd, char *user)
{
	struct settings settings = { 0 };
	char *at = strchr(user, '@');
	struct err ignored;

	for (char *letter = user; *letter; letter++)
		if (*letter >= 'A' && *letter <= 'Z')
			*letter = (char)(*letter - 'A' + 'a');
	if (!at || !settings_load(control_fd, &settings, &ignored))
		return;
	if (routes_is_local(&settings, at + 1))
		*at = '\0';
	settings_clear(&settings);
}

static int fail(const struct err *err)
{
	log_failure(err);
	return TEMPORARY;
}

static int check(int root_fd, struct input *input)
{
	struct err err = { 0 };
	AUTO_FD control_fd = root_control(root_fd, &err);
	enum account_found found;
	char *hash = NULL;
	bool right;

	if (control_fd < 0)
		return fail(&err);
	plain_name(control_fd, input->user);
	found = account_find(control_fd, input->user, &hash, &err);
	if (found == ACCOUNT_UNKNOWN)
		return fail(&err);
	right = account_password_is_right(input->password, hash) && hash;
	explicit_bzero(input->password, strlen(input->password));
	free(hash);
	return right ? 0 : WRONG;
}

static bool become(const struct stat *folder, const char *user, struct err *err)
{
	if (geteuid() != 0)
		return true;
	if (folder->st_uid == 0)
		return err_temporary(err, "",
				     "mail/%s belongs to root, as whom nothing is run; "
				     "chown it",
				     user);
	if (setgroups(0, NULL) != 0 || setgid(folder->st_gid) != 0 ||
	    setuid(folder->st_uid) != 0)
		return err_errno(err, "become the owner of mail/%s", user);
	return true;
}

static bool go_home(int root_fd, const char *user, struct err *err)
{
	char name[ACCOUNT_NAME_MAX + 8];
	AUTO_FD folder_fd = -1;
	struct stat folder;
	char *home;
	bool set;

	snprintf(name, sizeof(name), "mail/%s", user);
	folder_fd = file_open_dir(root_fd, name, err);
	if (folder_fd < 0)
		return false;
	if (fstat(folder_fd, &folder) != 0)
		return err_errno(err, "%s", name);
	if (!become(&folder, user, err))
		return false;
	if (fchdir(folder_fd) != 0)
		return err_errno(err, "chdir to %s", name);
	home = getcwd(NULL, 0);
	set = home && setenv("HOME", home, 1) == 0 && setenv("USER", user, 1) == 0 &&
	      setenv("SHELL", "/bin/sh", 1) == 0;
	free(home);
	return set ? true : err_errno(err, "set HOME");
}

int main(int argc, char **argv)
{
	static struct input input;
	struct err err = { 0 };
	AUTO_FD root_fd = -1;
	int code;

	log_open("lontar-checkpassword");
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("lontar-checkpassword %s\n", LONTAR_VERSION);
		return 0;
	}
	if (argc < 2) {
		fputs(usage, stderr);
		return MISUSED;
	}
	prctl(PR_SET_DUMPABLE, 0);
	code = read_input(&input);
	if (code)
		return code;
	root_fd = root_open(NULL, &err);
	if (root_fd < 0)
		return fail(&err);
	code = check(root_fd, &input);
	if (code)
		return code;
	if (!go_home(root_fd, input.user, &err))
		return fail(&err);
	execvp(argv[1], argv + 1);
	err_errno(&err, "run %s", argv[1]);
	return fail(&err);
}
