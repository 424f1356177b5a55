#include "programs/lontar/child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "ipc/master.h"
#include "programs/lontar/local_identity.h"
#include "programs/lontar/master.h"
#include "programs/lontar/spawn.h"

#define YOUNG_MS 60000 /* who dies before has a fault that a restart may not mend */

static const char *label(const struct child *child, char text_out[CHILD_NAME_MAX + 20])
{
	snprintf(text_out, CHILD_NAME_MAX + 20, "%s%s%s", roles[child->role].program,
		 child->name[0] ? " name=" : "", child->name);
	return text_out;
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct child *child = ctx;

	(void)peer;
	if (packet->type == MASTER_START)
		return master_asked(child, packet, fd);
	file_close(&fd);
	if (packet->type != MASTER_READY || !packet_end(packet))
		return false;
	child->is_ready = child->was_ready = true;
	master_changed(child->master);
	return true;
}

/* Its end is told by SIGCHLD; if it lives on without a channel it is of no use. */
static void on_closed(void *ctx, struct peer *peer)
{
	struct child *child = ctx;

	(void)peer;
	child->peer = NULL;
	child_signal(child, SIGTERM);
}

static const struct peer_handler handler = { on_packet, on_closed };

static void tell_asker(struct child *child, int exit_code)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	if (!child->asker || child->asker->pid != child->asker_pid || !child->asker->peer)
		return;
	master_ended_put(&out, child->asker_tag,
			 &(struct master_ended){ (uint64_t)exit_code,
						 span_of(roles[child->role].name),
						 span_of(child->name) });
	peer_send(child->asker->peer, &out, -1);
}

static void release(struct child *child)
{
	if (roles[child->role].is_on_demand)
		child->master->asked_count--;
	ev_timer_stop(child->master->loop, &child->again);
	free(child);
}

static void forget(struct child *child)
{
	struct child **at = &child->master->children;

	while (*at != child)
		at = &(*at)->next;
	*at = child->next;
	release(child);
}

static bool is_stopping(const struct master *master)
{
	return master->stage >= MASTER_STOPPING_DOORS;
}

static void start_later(struct child *child)
{
	static const double pauses_s[] = { 0, 1, 2, 5 };
	unsigned turn = child->early_deaths ? child->early_deaths - 1 : 0;

	if (is_stopping(child->master) || child->is_stopped)
		return;
	if (turn >= LENGTH(pauses_s))
		turn = LENGTH(pauses_s) - 1;
	ev_timer_stop(child->master->loop, &child->again);
	ev_timer_set(&child->again, pauses_s[turn], 0.);
	ev_timer_start(child->master->loop, &child->again);
}

/* Settings that are wrong are told at once, before anybody relies on us. */
static void give_up(struct child *child, int exit_code)
{
	struct master *master = child->master;
	char text[CHILD_NAME_MAX + 20];

	if (master->stage != MASTER_STARTING ||
	    (exit_code != EX_CONFIG && child->early_deaths < 4))
		return;
	err_exit(&master->failure,
		 exit_code >= 64 && exit_code < 79 ? exit_code : EX_TEMPFAIL,
		 "%s does not start: see its line above", label(child, text));
	master_stop(master);
}

static void on_ended(struct ev_loop *loop, ev_child *watcher, int events)
{
	struct child *child = watcher->data;
	struct master *master = child->master;
	char text[CHILD_NAME_MAX + 20];
	bool expected = child->is_expected || is_stopping(master);
	int exit_code = WIFSIGNALED(watcher->rstatus) ? 128 + WTERMSIG(watcher->rstatus)
						      : WEXITSTATUS(watcher->rstatus);

	(void)events;
	ev_child_stop(loop, watcher);
	peer_close(child->peer);
	child->peer = NULL;
	ear_close(&child->ear);
	child->pid = 0;
	child->is_ready = false;
	if (roles[child->role].is_on_demand) {
		if (WIFSIGNALED(watcher->rstatus) && !is_stopping(master))
			log_warning("service exited name=%s signal=%d",
				    label(child, text), WTERMSIG(watcher->rstatus));
		tell_asker(child, exit_code);
		forget(child);
		master_changed(master);
		return;
	}
	if (!expected) {
		log_warning("service exited name=%s code=%d seconds=%lld",
			    label(child, text), exit_code,
			    (long long)(clock_monotonic_ms() - child->since_ms) / 1000);
		child->early_deaths = clock_monotonic_ms() - child->since_ms < YOUNG_MS
					      ? child->early_deaths + 1
					      : 1;
		give_up(child, exit_code);
	} else {
		child->early_deaths = 0;
	}
	child->since_ms = clock_monotonic_ms();
	start_later(child);
	master_changed(master);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	child_start(timer->data);
}

static struct child *child_new(struct master *master, enum role role, const char *name)
{
	struct child *child = must_alloc(sizeof(*child));

	*child = (struct child){ .master = master,
				 .next = master->children,
				 .role = role };
	snprintf(child->name, sizeof(child->name), "%s", name);
	ev_timer_init(&child->again, on_again, 0., 0.);
	child->again.data = child;
	master->children = child;
	return child;
}

static bool launch(struct child *child, int private_fd, struct err *err)
{
	struct master *master = child->master;
	const struct role_row *row = &roles[child->role];
	struct spawn_order order = {
		.program = row->program,
		.program_fd = master->program_fds[child->role],
		.root_fd = master->root_fd,
		.private_fd = private_fd,
		.identity = &master->who[child->role],
	};
	struct spawned spawned;
	struct identity his;
	size_t words = 0;

	while (words < LENGTH(row->words) && row->words[words]) {
		order.arguments[words] = row->words[words];
		words++;
	}
	order.arguments[words] = child->name[0] ? child->name : "--service";
	if (child->role == ROLE_LOCAL ||
	    (child->role == ROLE_MAILBOX && mailbox_order_is_system(child->name))) {
		if (!local_identity(master->control_fd, child->name, &his, err))
			return false;
		order.identity = &his;
	}
	if (!spawn(&order, &spawned, err))
		return err_context(err, "start %s", order.program);
	child->pid = spawned.pid;
	child->since_ms = clock_monotonic_ms();
	child->is_ready = child->is_expected = false;
	ear_open(&child->ear, master->loop, spawned.says_fd);
	child->peer = peer_open(master->loop, spawned.channel_fd, &handler, child);
	ev_child_init(&child->ended, on_ended, child->pid, 0);
	child->ended.data = child;
	ev_child_start(master->loop, &child->ended);
	child_equip(child);
	return true;
}

bool child_is_wanted(const struct child *child)
{
	const struct ports *ports = &child->master->ports;

	for (size_t i = 0; i < ports->count; i++)
		if (role_serves(child->role, ports->items[i].service))
			return true;
	return !roles[child->role].is_door;
}

void child_start(struct child *child)
{
	struct err err;

	child->is_stopped = false;
	if (child->pid || is_stopping(child->master) || !child_is_wanted(child))
		return;
	ev_timer_stop(child->master->loop, &child->again);
	if (launch(child, -1, &err))
		return;
	log_failure(&err);
	child->early_deaths++;
	start_later(child);
}

void child_add(struct master *master, enum role role)
{
	child_start(child_new(master, role, ""));
}

bool child_ask(struct child *asker, enum role role, const char *name, uint32_t tag,
	       int private_fd, struct err *err)
{
	struct child *child = child_new(asker->master, role, name);

	child->master->asked_count++;
	child->asker = asker;
	child->asker_pid = asker->pid;
	child->asker_tag = tag;
	if (launch(child, private_fd, err))
		return true;
	forget(child);
	return false;
}

void child_signal(const struct child *child, int signal_number)
{
	if (child->pid)
		kill(child->pid, signal_number);
}

void child_stop(struct child *child)
{
	ev_timer_stop(child->master->loop, &child->again);
	child->is_expected = true;
	child_signal(child, SIGTERM);
}

void child_clear(struct master *master)
{
	struct child *child;

	while ((child = master->children)) {
		master->children = child->next;
		release(child);
	}
}
