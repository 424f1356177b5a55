/* lontar run: the master. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "ipc/channel.h"
#include "ipc/master.h"
#include "programs/lontar/command.h"
#include "programs/lontar/history.h"
#include "programs/lontar/master.h"
#include "programs/lontar/operators.h"
#include "programs/lontar/spawn.h"

#define STOP_DOORS_S 5.0 /* for the sessions to say goodbye */
#define STOP_REST_S  5.0
#define ASKED_MAX    1000

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
		all &= identity_find(roles[i].user, roles[i].shares_with,
				     &master->who[i]);
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

static void start_all(struct master *master)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	for (unsigned i = 0; i < ROLES; i++) {
		long count = roles[i].one_a_core && cores > 1 ? cores : 1;

		while (!roles[i].is_on_demand && count-- > 0)
			child_add(master, (enum role)i);
	}
}

static void say_ready(const struct master *master)
{
	printf("ready");
	for (size_t i = 0; i < master->ports.count; i++)
		printf(" %s=%s", master->ports.items[i].service,
		       master->ports.items[i].address);
	printf("\n");
	if (fflush(stdout) != 0)
		log_warning("nobody heard that the gateway is ready");
}

static void signal_all(const struct master *master, bool only_doors, int signal_number)
{
	for (struct child *child = master->children; child; child = child->next)
		if (!only_doors || roles[child->role].is_door)
			child_signal(child, signal_number);
}

static bool any_runs(const struct master *master, bool only_doors)
{
	for (struct child *child = master->children; child; child = child->next)
		if (child->pid && (!only_doors || roles[child->role].is_door))
			return true;
	return false;
}

static void set_deadline(struct master *master, double after_s)
{
	ev_timer_stop(master->loop, &master->deadline);
	ev_timer_set(&master->deadline, after_s, 0.);
	ev_timer_start(master->loop, &master->deadline);
}

static void stop_rest(struct master *master)
{
	master->stage = MASTER_STOPPING_REST;
	signal_all(master, false, SIGTERM);
	set_deadline(master, STOP_REST_S);
	if (!any_runs(master, false))
		ev_break(master->loop, EVBREAK_ALL);
}

void master_stop(struct master *master)
{
	if (master->stage >= MASTER_STOPPING_DOORS)
		return;
	master->stage = MASTER_STOPPING_DOORS;
	for (struct child *child = master->children; child; child = child->next)
		ev_timer_stop(master->loop, &child->again);
	signal_all(master, true, SIGTERM);
	set_deadline(master, STOP_DOORS_S);
	if (!any_runs(master, true))
		stop_rest(master);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct master *master = timer->data;

	(void)loop;
	(void)events;
	signal_all(master, master->stage == MASTER_STOPPING_DOORS, SIGKILL);
}

static bool all_ready(const struct master *master)
{
	for (struct child *child = master->children; child; child = child->next)
		if (!roles[child->role].is_on_demand && !child->was_ready)
			return false;
	return true;
}

void master_changed(struct master *master)
{
	operators_look(master->operators);
	if (master->stage == MASTER_STARTING && all_ready(master)) {
		master->stage = MASTER_RUNNING;
		say_ready(master);
	}
	if (master->stage == MASTER_STOPPING_DOORS && !any_runs(master, true))
		stop_rest(master);
	else if (master->stage == MASTER_STOPPING_REST && !any_runs(master, false))
		ev_break(master->loop, EVBREAK_ALL);
}

static bool start_asked(struct child *child, struct packet *packet, int fd,
			struct err *err)
{
	struct master_start wanted;
	char name[CHILD_NAME_MAX];
	enum role role;

	if (!master_start_get(packet, &wanted) || !role_find(wanted.role, &role) ||
	    !roles[role].is_on_demand || roles[role].asker != child->role || fd < 0)
		return err_permanent(err, "", "it may not ask for that");
	if (!packet_text_copy(wanted.name, name, sizeof(name)) ||
	    !roles[role].name_is_valid(name))
		return err_permanent(err, "", "it asked for an impossible name");
	if (child->master->asked_count >= ASKED_MAX)
		return err_temporary(err, "", "too many processes already");
	return child_ask(child, role, name, packet->tag, fd, err);
}

bool master_asked(struct child *child, struct packet *packet, int fd)
{
	struct packet copy = *packet;
	struct master_start wanted;
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct err err;
	bool started = child->master->stage < MASTER_STOPPING_DOORS &&
		       start_asked(child, packet, fd, &err);

	file_close(&fd);
	if (started || child->master->stage >= MASTER_STOPPING_DOORS)
		return true;
	err_context(&err, "%s asked for a process", roles[child->role].program);
	log_failure(&err);
	if (!master_start_get(&copy, &wanted))
		return false;
	master_ended_put(&out, copy.tag,
			 &(struct master_ended){ EX_TEMPFAIL, wanted.role, wanted.name });
	peer_send(child->peer, &out, -1);
	return true;
}

static void on_term(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)loop;
	(void)events;
	master_stop(watcher->data);
}

/* The doors cannot be given other listeners: they are started again. */
static void on_hup(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct master *master = watcher->data;
	bool changed = false;
	struct err err;

	(void)loop;
	(void)events;
	if (!ports_bind(master->control_fd, &master->ports, &changed, &err) ||
	    (changed && !ports_publish(&master->ports, master->root_fd, &err)))
		log_failure(&err);
	for (struct child *child = master->children; child; child = child->next) {
		bool is_door = roles[child->role].is_door;

		if (!child->pid || roles[child->role].is_on_demand)
			continue;
		if (is_door && changed)
			child_stop(child);
		else if (is_door)
			child_certify(child);
		if (!is_door || !changed)
			child_signal(child, SIGHUP);
	}
	log_info("reloaded listeners=%zu changed=%d", master->ports.count, changed);
}

static void watch(struct master *master)
{
	struct ev_loop *loop = master->loop;

	signal(SIGPIPE, SIG_IGN);
	ev_signal_init(&master->term, on_term, SIGTERM);
	ev_signal_init(&master->interrupt, on_term, SIGINT);
	ev_signal_init(&master->hup, on_hup, SIGHUP);
	ev_timer_init(&master->deadline, on_deadline, 0., 0.);
	master->term.data = master->interrupt.data = master;
	master->hup.data = master->deadline.data = master;
	ev_signal_start(loop, &master->term);
	ev_signal_start(loop, &master->interrupt);
	ev_signal_start(loop, &master->hup);
}

/* Everything that root's rights are for; afterwards they are gone. */
static bool prepare(struct master *master, struct err *err)
{
	bool changed;

	umask(022);
	if (!file_make_dir(master->root_fd, "run", 0755, err) || !lock(master, err))
		return false;
	unlinkat(master->root_fd, "run/listen", 0);
	if (!history_open(master->root_fd, err))
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
	return open_programs(master, err) &&
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
		watch(&master);
		start_all(&master);
		log_info("started root=%s", context->root);
		ev_run(master.loop, 0);
		log_info("stopped");
		*err = master.failure;
		fine = err->kind == ERR_NONE;
	}
	clean_up(&master);
	return fine;
}
