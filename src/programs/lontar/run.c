/* lontar run: takes what the master needs, and lets it run. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "ipc/channel.h"
#include "programs/lontar/command.h"
#include "programs/lontar/history.h"
#include "programs/lontar/master.h"
#include "programs/lontar/operators.h"
#include "programs/lontar/spawn.h"
#include "programs/lontar/tree.h"

static const char usage[] =
	"usage: lontar run\n"
	"Runs all services in the foreground. On stdout one line \"ready\" once all ports\n"
	"are served; the log goes to stderr and to log/. TERM stops it, HUP makes it read\n"
	"control/listen and the certificates again.\n";

/* An open file lock: it goes with us, however we go, and the children do not have it. */
static bool lock(struct master *master, struct err *err)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	master->lock_fd =
		openat(master->root_fd, "run/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (master->lock_fd < 0) {
		err_errno(err, "open %s/run/lock", master->root);
		if (errno == EACCES || errno == EROFS)
			err->exit_code = EX_NOPERM;
		return false;
	}
	if (fcntl(master->lock_fd, F_OFD_SETLK, &all) == 0)
		return true;
	if (errno == EAGAIN || errno == EACCES)
		return err_exit(err, EX_TEMPFAIL,
				"the gateway at %s runs already: `lontar service` shows "
				"its processes",
				master->root);
	return err_errno(err, "lock %s/run/lock", master->root);
}

static bool find_identities(struct master *master)
{
	bool all = true;

	for (unsigned i = 0; i < ROLES; i++)
		if (roles[i].user)
			all &= identity_find(roles[i].user, roles[i].shares_with,
					     &master->who[i]);
		else
			identity_root(&master->who[i]);
	for (unsigned i = 0; i < ROLES; i++)
		master->who[i].may_gain = roles[i].may_gain;
	/* Some but not all would be a mixture that can read none of its files. */
	for (unsigned i = 0; i < ROLES && !all; i++)
		master->who[i].is_other = false;
	return all;
}

static bool open_programs(struct master *master, struct err *err)
{
	for (unsigned i = 0; i < ROLES; i++) {
		master->program_fds[i] = spawn_open(roles[i].program, err);
		if (master->program_fds[i] < 0)
			return false;
	}
	return true;
}

static bool open_sockets(struct master *master, struct err *err)
{
	for (unsigned i = 0; i < ROLES; i++) {
		master->sockets[i] = -1;
		if (!roles[i].has_socket)
			continue;
		master->sockets[i] =
			channel_listen(master->root_fd, roles[i].name, 0666, err);
		if (master->sockets[i] < 0)
			return false;
	}
	master->operators = operators_open(master, err);
	return master->operators;
}

/* Everything that root's rights are for; afterwards they are gone. */
static bool prepare(struct master *master, struct err *err)
{
	bool changed;

	umask(022);
	if (!file_make_dir(master->root_fd, "run", 0755, err) || !lock(master, err))
		return false;
	unlinkat(master->root_fd, "run/listen", 0);
	if (!history_open(master->root_fd, true, err))
		return false;
	log_divert(history_write);
	if (!find_identities(master))
		log_warning("%s, so every service runs as the user with uid %ld",
			    geteuid() == 0 ? "there are no users lontar, lontard, "
					     "lontarauth, lontarout"
					   : "not started by root",
			    (long)geteuid());
	master->loop = ev_default_loop(EVFLAG_AUTO);
	if (!master->loop)
		return err_temporary(err, "", "no event loop");
	/* A root that is older has no folder for stops. */
	return tree_make_folder(master->root_fd, "spool/state/stops", err) &&
	       open_programs(master, err) &&
	       ports_bind(master->control_fd, &master->ports, &changed, err) &&
	       ports_publish(&master->ports, master->root_fd, err) &&
	       open_sockets(master, err) && privilege_drop(master->who, ROLES, err);
}

static void clean_up(struct master *master)
{
	if (master->operators) {
		operators_close(master->operators);
		unlinkat(master->root_fd, "run/master", 0);
		unlinkat(master->root_fd, "run/listen", 0);
		for (unsigned i = 0; i < ROLES; i++)
			if (master->sockets[i] >= 0) {
				char name[32];

				snprintf(name, sizeof(name), "run/%s", roles[i].name);
				unlinkat(master->root_fd, name, 0);
			}
	}
	child_clear(master);
	ports_clear(&master->ports);
	log_divert(NULL);
	history_close();
	file_close(&master->lock_fd);
}

bool command_run(struct command_context *context, struct err *err)
{
	static const struct args_option none[] = { { .name = NULL } };
	static struct master master;
	bool fine;

	if (!args_parse(&context->args, none, usage, err) ||
	    !args_count(&context->args, 0, 0, usage, err))
		return false;
	master.root = context->root;
	master.root_fd = context->root_fd;
	master.control_fd = context->control_fd;
	master.lock_fd = -1;
	fine = prepare(&master, err);
	if (fine) {
		master_run(&master);
		*err = master.failure;
		fine = err->kind == ERR_NONE;
	}
	clean_up(&master);
	return fine;
}
