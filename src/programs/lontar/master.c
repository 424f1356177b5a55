#include "programs/lontar/master.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "ipc/master.h"
#include "programs/lontar/operators.h"

#define STOP_DOORS_S 5.0 /* for the sessions to say goodbye */
#define STOP_REST_S  5.0
#define ASKED_MAX    1000

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
		if (!roles[child->role].is_on_demand && !child->was_ready &&
		    child_is_wanted(child))
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

		if (is_door && changed && !child->pid && !child->is_stopped)
			child_start(child);
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

void master_run(struct master *master)
{
	watch(master);
	start_all(master);
	log_info("started root=%s", master->root);
	ev_run(master->loop, 0);
	log_info("stopped");
}
