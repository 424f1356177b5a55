#include "programs/lontar/alone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"
#include "control/smarthost.h"
#include "ipc/peer.h"
#include "programs/lontar/ear.h"
#include "programs/lontar/history.h"
#include "programs/lontar/progress.h"
#include "programs/lontar/spawn.h"
#include "store/parked.h"

struct alone;

struct worker {
	struct worker *next;
	struct alone *alone;
	char name[SMARTHOST_NAME_MAX];
	struct peer *peer;
	pid_t pid;
	int channel_fd; /* the master's, which it does not need, kept open */
	bool has_told;
	struct ear ear;
};

struct alone {
	struct command_context *context;
	struct ev_loop *loop;
	struct settings settings;
	struct identity identity;
	int program_fd;
	struct worker *waiting; /* not started yet, the last one first */
	struct worker *at_work;
	size_t running;
	struct progress progress;
	struct err why; /* the first of what went wrong */
};

static void add(struct alone *alone, const char *name)
{
	struct worker *worker = must_alloc(sizeof(*worker));

	*worker = (struct worker){ .next = alone->waiting, .alone = alone };
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

static bool choose_named(struct alone *alone, const char *name, struct err *err)
{
	struct smarthost smarthost;
	bool has;

	if (!smarthost_name_is_valid(name))
		return err_exit(err, EX_NOINPUT, "no smarthost %s", name);
	if (!has_mail(alone, name, &has, err))
		return false;
	if (has) {
		add(alone, name);
		return true;
	}
	if (!smarthost_load(alone->context->control_fd, &alone->settings, name,
			    &smarthost, err))
		return false;
	smarthost_clear(&smarthost);
	return true;
}

static bool choose(struct alone *alone, struct err *err)
{
	const struct args *args = &alone->context->args;
	struct parked_smarthosts all;
	bool fine = true;

	for (int i = 1; fine && i < args->argc; i++)
		fine = choose_named(alone, args->argv[i], err);
	if (!fine || args->argc > 1)
		return fine;
	if (!parked_smarthosts(alone->context->root_fd, &all, err))
		return false;
	for (size_t i = 0; fine && i < all.count; i++) {
		bool has;

		fine = has_mail(alone, all.names[i], &has, err);
		if (fine && has)
			add(alone, all.names[i]);
	}
	parked_smarthosts_clear(&all);
	return fine;
}

static void blame(struct alone *alone, const struct err *err)
{
	if (alone->why.kind == ERR_NONE)
		alone->why = *err;
	else
		fprintf(stderr, "lontar flush: %s\n", err->text);
}

static void start_more(struct alone *alone);

static struct worker *find(struct worker *worker, const char *name)
{
	while (worker && strcmp(worker->name, name) != 0)
		worker = worker->next;
	return worker;
}

/* New routes moved mail there: its turn comes, again where it has been. */
static void want(struct alone *alone, const char *name)
{
	AUTO_BUF nudge = BUF_INIT(PACKET_MAX);
	struct worker *worker = find(alone->at_work, name);

	packet_begin(&nudge, LINK_NUDGE, 0);
	if (worker && !worker->has_told)
		peer_send(worker->peer, &nudge, -1);
	else if (!find(alone->waiting, name))
		add(alone, name);
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
		err_temporary(&err, "", "the flush of %s ended without a word",
			      worker->name);
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
	struct spawn_order order = {
		.program = "lontar-flush",
		.arguments = { "--alone", worker->name },
		.program_fd = alone->program_fd,
		.root_fd = alone->context->root_fd,
		.identity = &alone->identity,
	};
	struct spawned spawned;
	int pair[2];

	if (!file_socketpair(pair, err))
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
	while (alone->waiting &&
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

static bool run(struct alone *alone, struct err *err)
{
	/* What becomes of mail is told to the log, as the gateway does. */
	if (!history_open(alone->context->root_fd, false, err))
		return false;
	progress_begin(&alone->progress);
	start_more(alone);
	if (alone->running)
		ev_run(alone->loop, 0);
	progress_end(&alone->progress);
	history_close();
	*err = alone->why;
	return err->kind == ERR_NONE;
}

bool flush_alone(struct command_context *context, struct err *err)
{
	struct alone alone = { .context = context,
			       .program_fd = -1,
			       .loop = ev_default_loop(EVFLAG_AUTO) };
	bool fine;

	if (!alone.loop)
		return err_temporary(err, "", "no event loop");
	if (!settings_load(context->control_fd, &alone.settings, err))
		return false;
	identity_find("lontarout", NULL, &alone.identity);
	alone.program_fd = spawn_open("lontar-flush", err);
	fine = alone.program_fd >= 0 && choose(&alone, err);
	if (fine && !alone.waiting)
		puts("nothing waits");
	else if (fine)
		fine = run(&alone, err);
	while (alone.waiting) {
		struct worker *worker = alone.waiting;

		alone.waiting = worker->next;
		free(worker);
	}
	settings_clear(&alone.settings);
	file_close(&alone.program_fd);
	return fine;
}
