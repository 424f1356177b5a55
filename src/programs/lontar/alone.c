#include "programs/lontar/alone.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"
#include "control/pickup.h"
#include "ipc/peer.h"
#include "link/allowance.h"
#include "programs/lontar/counted.h"
#include "programs/lontar/ear.h"
#include "programs/lontar/history.h"
#include "programs/lontar/progress.h"
#include "programs/lontar/spawn.h"
#include "store/parked.h"

struct alone;

/* What is started for a smarthost or for a pickup. What is fetched alone is delivered by
 * who fetches it. */
struct kind {
	const char *program;
	const char *user;
	const char *shares_with;
	const char *word;
	enum link_use use;
};

enum {
	FLUSH,
	PICKUP,
	KINDS
};

static const struct kind kinds[KINDS] = {
	[FLUSH] = { "lontar-flush", "lontarout", NULL, "flush of", LINK_FOR_SMARTHOST },
	[PICKUP] = { "lontar-pickup", "lontar", "lontarout", "pickup", LINK_FOR_PICKUP },
};

struct worker {
	struct worker *next;
	struct alone *alone;
	const struct kind *kind;
	char name[SMARTHOST_NAME_MAX];
	struct peer *peer;
	pid_t pid;
	int channel_fd; /* the master's, which it does not need, kept open */
	bool has_told;
	uint64_t used_bytes; /* of its link */
	struct ear ear;
};

struct alone {
	struct command_context *context;
	struct ev_loop *loop;
	struct settings settings;
	struct identity identities[KINDS];
	int program_fds[KINDS];
	struct worker *waiting; /* not started yet, the last one first */
	struct worker *at_work;
	size_t running;
	bool probes;
	bool is_over; /* the time is: no more are started */
	ev_timer limit;
	ev_signal signals[2]; /* INT and TERM */
	struct progress progress;
	struct counted counted;
	struct err why; /* the first of what went wrong */
};

static void add(struct alone *alone, const struct kind *kind, const char *name)
{
	struct worker *worker = must_alloc(sizeof(*worker));

	*worker = (struct worker){ .next = alone->waiting, .alone = alone, .kind = kind };
	snprintf(worker->name, sizeof(worker->name), "%s", name);
	alone->waiting = worker;
}

static bool has_mail(struct alone *alone, const char *name, bool *has_out,
		     struct err *err)
{
	struct parked *parked = parked_open(alone->context->root_fd, name, false, err);
	struct parked_list list = { 0 };
	bool read;

	*has_out = false;
	if (!parked)
		return err->exit_code == EX_NOINPUT;
	read = parked_list(parked, &list, err);
	*has_out = read && list.count > 0;
	parked_list_clear(&list);
	parked_close(parked);
	return read;
}

static bool choose_smarthost(struct alone *alone, const char *name, struct err *err)
{
	struct smarthost smarthost;
	bool has;

	if (!smarthost_name_is_valid(name))
		return err_exit(err, EX_NOINPUT, "no smarthost %s", name);
	if (!has_mail(alone, name, &has, err))
		return false;
	if (has) {
		add(alone, &kinds[FLUSH], name);
		return true;
	}
	if (!smarthost_load(alone->context->control_fd, &alone->settings, name,
			    &smarthost, err))
		return false;
	smarthost_clear(&smarthost);
	return true;
}

static bool choose_pickup(struct alone *alone, const char *name, struct err *err)
{
	struct pickup pickup;

	if (!pickup_load(alone->context->control_fd, name, &pickup, err))
		return false;
	pickup_clear(&pickup);
	add(alone, &kinds[PICKUP], name);
	return true;
}

static bool choose_named(struct alone *alone, struct span names,
			 bool (*choose)(struct alone *alone, const char *name,
					struct err *err),
			 struct err *err)
{
	char name[256];
	struct span line;

	while (span_cut(&names, '\n', &line)) {
		if (!line.len)
			continue;
		snprintf(name, sizeof(name), "%.*s", SPAN_ARG(line));
		if (!choose(alone, name, err))
			return false;
	}
	return true;
}

static bool choose_all_smarthosts(struct alone *alone, struct err *err)
{
	struct parked_smarthosts all;
	bool fine = true;

	if (!parked_smarthosts(alone->context->root_fd, &all, err))
		return false;
	for (size_t i = 0; fine && i < all.count; i++) {
		bool has;

		/* parked/local is lontar-dispatch's. */
		if (!smarthost_name_is_valid(all.names[i]))
			continue;
		fine = has_mail(alone, all.names[i], &has, err);
		if (fine && has)
			add(alone, &kinds[FLUSH], all.names[i]);
	}
	parked_smarthosts_clear(&all);
	return fine;
}

static bool choose_all_pickups(struct alone *alone, struct err *err)
{
	struct settings_list names;

	if (!smarthost_names(alone->context->control_fd, "pickups", &names, err))
		return false;
	for (size_t i = 0; i < names.count; i++)
		add(alone, &kinds[PICKUP], names.lines[i]);
	settings_list_clear(&names);
	return true;
}

static bool choose(struct alone *alone, const struct alone_wish *wish, struct err *err)
{
	bool fine = true;

	if (wish->flushes)
		fine = wish->smarthosts.len ? choose_named(alone, wish->smarthosts,
							   choose_smarthost, err)
					    : choose_all_smarthosts(alone, err);
	if (fine && wish->fetches)
		fine = wish->pickups.len
			       ? choose_named(alone, wish->pickups, choose_pickup, err)
			       : choose_all_pickups(alone, err);
	return fine;
}

static void blame(struct alone *alone, const struct err *err)
{
	if (alone->why.kind == ERR_NONE)
		alone->why = *err;
	else
		fprintf(stderr, "lontar %s: %s\n", alone->context->args.argv[0],
			err->text);
}

static void start_more(struct alone *alone);

static struct worker *find_flush(struct worker *worker, const char *name)
{
	while (worker &&
	       (worker->kind != &kinds[FLUSH] || strcmp(worker->name, name) != 0))
		worker = worker->next;
	return worker;
}

/* New routes moved mail there: its turn comes, again where it has been. */
static void want(struct alone *alone, const char *name)
{
	AUTO_BUF nudge = BUF_INIT(PACKET_MAX);
	struct worker *worker = find_flush(alone->at_work, name);

	packet_begin(&nudge, LINK_NUDGE, 0);
	if (worker && !worker->has_told)
		peer_send(worker->peer, &nudge, -1);
	else if (!find_flush(alone->waiting, name))
		add(alone, &kinds[FLUSH], name);
}

static void leave_work(struct alone *alone, struct worker *worker)
{
	struct worker **at = &alone->at_work;

	while (*at && *at != worker)
		at = &(*at)->next;
	if (*at)
		*at = worker->next;
}

/* It is ending: until it has, it has the lock. */
static void on_closed(void *ctx, struct peer *peer)
{
	struct worker *worker = ctx;
	struct alone *alone = worker->alone;
	struct err err;

	(void)peer;
	file_close(&worker->channel_fd);
	while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	ear_close(&worker->ear);
	if (!worker->has_told) {
		err_temporary(&err, "", "the %s %s ended without a word",
			      worker->kind->word, worker->name);
		blame(alone, &err);
	}
	leave_work(alone, worker);
	free(worker);
	alone->running--;
	start_more(alone);
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct worker *worker = ctx;
	char moved_to[SMARTHOST_NAME_MAX];
	struct link_progress told;
	struct link_moved moved;
	struct link_done done;
	struct err err;

	(void)peer;
	file_close(&fd);
	if (packet->type == LINK_PROGRESS) {
		if (!link_progress_get(packet, &told))
			return false;
		counted_add(&worker->alone->counted, &told, &worker->used_bytes);
		progress_take(&worker->alone->progress, &told);
		return true;
	}
	if (packet->type == LINK_MOVED) {
		if (!link_moved_get(packet, &moved) ||
		    !packet_text_copy(moved.smarthost, moved_to, sizeof(moved_to)))
			return false;
		want(worker->alone, moved_to);
		return true;
	}
	if (packet->type != LINK_DONE || !link_done_get(packet, &done))
		return packet->type == LINK_IDLE;
	worker->has_told = true;
	if (done.exit_code != 0) {
		err_exit(&err, (int)done.exit_code, "%.*s", SPAN_ARG(done.text));
		blame(worker->alone, &err);
	}
	return true;
}

static const struct peer_handler handler = { on_packet, on_closed };

static bool start(struct worker *worker, struct err *err)
{
	struct alone *alone = worker->alone;
	size_t kind = (size_t)(worker->kind - kinds);
	struct spawn_order order = {
		.program = worker->kind->program,
		.arguments = { alone->probes ? "--probe" : "--alone", worker->name },
		.program_fd = alone->program_fds[kind],
		.root_fd = alone->context->root_fd,
		.identity = &alone->identities[kind],
	};
	struct spawned spawned;
	int pair[2];

	if (!link_permit(alone->context->root_fd, alone->context->control_fd,
			 worker->kind->use, worker->name, true, err) ||
	    !file_socketpair(pair, err))
		return false;
	order.private_fd = pair[1];
	if (!spawn(&order, &spawned, err)) {
		file_close(&pair[0]);
		file_close(&pair[1]);
		return false;
	}
	file_close(&pair[1]);
	worker->pid = spawned.pid;
	worker->channel_fd = spawned.channel_fd;
	ear_open(&worker->ear, alone->loop, spawned.says_fd);
	worker->peer = peer_open(alone->loop, pair[0], &handler, worker);
	worker->next = alone->at_work;
	alone->at_work = worker;
	return true;
}

static void start_more(struct alone *alone)
{
	while (alone->waiting && !alone->is_over &&
	       (!alone->running || alone->running < alone->settings.concurrencyremote)) {
		struct worker *worker = alone->waiting;
		struct err err;

		alone->waiting = worker->next;
		if (start(worker, &err)) {
			alone->running++;
		} else {
			blame(alone, &err);
			free(worker);
		}
	}
	if (!alone->running)
		ev_break(alone->loop, EVBREAK_ALL);
}

static void stop_all(struct alone *alone)
{
	alone->is_over = true;
	for (struct worker *at = alone->at_work; at; at = at->next)
		kill(at->pid, SIGTERM);
}

static void on_limit(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	stop_all(watcher->data);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)loop;
	(void)events;
	stop_all(watcher->data);
}

static void watch(struct alone *alone, unsigned limit_s)
{
	static const int numbers[] = { SIGINT, SIGTERM };

	for (size_t i = 0; i < LENGTH(numbers); i++) {
		ev_signal_init(&alone->signals[i], on_signal, numbers[i]);
		alone->signals[i].data = alone;
		ev_signal_start(alone->loop, &alone->signals[i]);
	}
	ev_timer_init(&alone->limit, on_limit, limit_s, 0.);
	alone->limit.data = alone;
	if (limit_s)
		ev_timer_start(alone->loop, &alone->limit);
}

static bool run(struct alone *alone, unsigned limit_s, struct err *err)
{
	/* What becomes of mail is told to the log, as the gateway does. */
	if (!history_open(alone->context->root_fd, false, err))
		return false;
	watch(alone, limit_s);
	progress_begin(&alone->progress);
	start_more(alone);
	if (alone->running)
		ev_run(alone->loop, 0);
	progress_end(&alone->progress);
	counted_close(&alone->counted);
	history_close();
	*err = alone->why;
	return err->kind == ERR_NONE;
}

static bool prepare(struct alone *alone, struct err *err)
{
	for (size_t i = 0; i < KINDS; i++) {
		identity_find(kinds[i].user, kinds[i].shares_with, &alone->identities[i]);
		alone->program_fds[i] = spawn_open(kinds[i].program, err);
		if (alone->program_fds[i] < 0)
			return false;
	}
	return true;
}

bool work_alone(struct command_context *context, const struct alone_wish *wish,
		struct err *err)
{
	struct alone alone = { .context = context,
			       .program_fds = { -1, -1 },
			       .probes = wish->probes,
			       .counted = { .root_fd = context->root_fd,
					    .control_fd = context->control_fd },
			       .loop = ev_default_loop(EVFLAG_AUTO) };
	bool fine;

	if (!alone.loop)
		return err_temporary(err, "", "no event loop");
	if (!settings_load(context->control_fd, &alone.settings, err))
		return false;
	fine = prepare(&alone, err) && choose(&alone, wish, err);
	if (fine && !alone.waiting)
		puts(wish->flushes ? "nothing waits"
				   : "no pickup is set: see control/pickups");
	else if (fine)
		fine = run(&alone, wish->limit_s, err);
	while (alone.waiting) {
		struct worker *worker = alone.waiting;

		alone.waiting = worker->next;
		free(worker);
	}
	settings_clear(&alone.settings);
	for (size_t i = 0; i < KINDS; i++)
		file_close(&alone.program_fds[i]);
	return fine;
}
