#include "programs/lontar/operators.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "ipc/channel.h"
#include "ipc/operate.h"
#include "programs/lontar/master.h"

#define OPERATORS_MAX 20

enum wish {
	WISH_NONE,
	WISH_STOPPED,
	WISH_READY,
};

struct visit {
	struct visit *next;
	struct operators *all;
	struct peer *peer;
	enum wish wish;
	enum role role;
	uint32_t tag;
};

struct operators {
	struct master *master;
	struct visit *first;
	unsigned count;
	int fd;
	ev_io waiting;
};

static void say_done(struct visit *visit, int exit_code, const char *text)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	operate_done_put(&out, visit->tag,
			 &(struct operate_done){ (uint64_t)exit_code, span_of(text) });
	peer_send(visit->peer, &out, -1);
	visit->wish = WISH_NONE;
}

static void leave(void *ctx, struct peer *peer)
{
	struct visit *visit = ctx;
	struct visit **at = &visit->all->first;

	(void)peer;
	while (*at != visit)
		at = &(*at)->next;
	*at = visit->next;
	visit->all->count--;
	free(visit);
}

static const char *state_of(const struct child *child)
{
	if (!child->pid)
		return child->is_stopped ? "stopped" : "down";
	return child->is_ready || roles[child->role].is_on_demand ? "up" : "starting";
}

static void show(struct visit *visit)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	AUTO_BUF name = BUF_INIT(CHILD_NAME_MAX + 32);

	for (struct child *child = visit->all->master->children; child;
	     child = child->next) {
		if (!child->pid && !child_is_wanted(child))
			continue;
		int64_t since_ms = clock_monotonic_ms() - child->since_ms;

		buf_reset(&name);
		if (!buf_appendf(&name, "%s%s%s", roles[child->role].name,
				 child->name[0] ? " " : "", child->name))
			continue;
		operate_state_put(&out, visit->tag,
				  &(struct operate_state){
					  (uint64_t)child->pid, (uint64_t)since_ms / 1000,
					  buf_span(&name), span_of(state_of(child)) });
		peer_send(visit->peer, &out, -1);
	}
	say_done(visit, 0, "");
}

static void act_on(struct child *child, struct span verb)
{
	if (span_is(verb, "hup")) {
		child_signal(child, SIGHUP);
	} else if (span_is(verb, "start")) {
		child->early_deaths = 0;
		child_start(child);
	} else {
		child->is_stopped = span_is(verb, "stop");
		if (child->pid)
			child_stop(child);
		else if (!child->is_stopped)
			child_start(child);
	}
}

static bool act(struct visit *visit, struct packet *packet)
{
	struct operate_act wanted;

	if (!operate_act_get(packet, &wanted))
		return false;
	if (!role_find(wanted.name, &visit->role) || roles[visit->role].is_on_demand) {
		say_done(visit, EX_NOINPUT,
			 "no such service; `lontar service` lists them");
		return true;
	}
	if (span_is(wanted.verb, "stop"))
		visit->wish = WISH_STOPPED;
	else if (span_is(wanted.verb, "start") || span_is(wanted.verb, "restart"))
		visit->wish = WISH_READY;
	else if (!span_is(wanted.verb, "hup"))
		return false;
	for (struct child *child = visit->all->master->children; child;
	     child = child->next)
		if (child->role == visit->role) {
			/* What restart waits for is the next one's readiness. */
			if (span_is(wanted.verb, "restart"))
				child->is_ready = false;
			act_on(child, wanted.verb);
		}
	if (visit->wish == WISH_NONE)
		say_done(visit, 0, "");
	operators_look(visit->all);
	return true;
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct visit *visit = ctx;

	(void)peer;
	file_close(&fd);
	visit->tag = packet->tag;
	if (packet->type == OPERATE_ACT)
		return act(visit, packet);
	if (packet->type != OPERATE_SHOW || !packet_end(packet))
		return false;
	show(visit);
	return true;
}

static const struct peer_handler handler = { on_packet, leave };

static void on_waiting(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct operators *operators = watcher->data;
	int fd = accept4(operators->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct visit *visit;
	uid_t uid;
	pid_t pid;
	struct err ignored;

	(void)events;
	if (fd < 0)
		return;
	if (operators->count == OPERATORS_MAX ||
	    !channel_peer(fd, &uid, &pid, &ignored) || (uid != 0 && uid != geteuid())) {
		file_close(&fd);
		return;
	}
	visit = must_alloc(sizeof(*visit));
	*visit = (struct visit){ .next = operators->first, .all = operators };
	visit->peer = peer_open(loop, fd, &handler, visit);
	operators->first = visit;
	operators->count++;
}

static bool is_fulfilled(const struct visit *visit)
{
	for (struct child *child = visit->all->master->children; child;
	     child = child->next) {
		if (child->role != visit->role)
			continue;
		if (visit->wish == WISH_STOPPED ? child->pid != 0 : !child->is_ready)
			return false;
	}
	return true;
}

void operators_look(struct operators *operators)
{
	for (struct visit *at = operators ? operators->first : NULL; at; at = at->next)
		if (at->wish != WISH_NONE && is_fulfilled(at))
			say_done(at, 0, "");
}

struct operators *operators_open(struct master *master, struct err *err)
{
	int fd = channel_listen(master->root_fd, "master", 0600, err);
	struct operators *operators;

	if (fd < 0)
		return NULL;
	operators = must_alloc(sizeof(*operators));
	*operators = (struct operators){ .master = master, .fd = fd };
	ev_io_init(&operators->waiting, on_waiting, fd, EV_READ);
	operators->waiting.data = operators;
	ev_io_start(master->loop, &operators->waiting);
	return operators;
}

void operators_close(struct operators *operators)
{
	struct visit *visit;

	if (!operators)
		return;
	while ((visit = operators->first)) {
		operators->first = visit->next;
		peer_close(visit->peer);
		free(visit);
	}
	ev_io_stop(operators->master->loop, &operators->waiting);
	file_close(&operators->fd);
	free(operators);
}
