#include "programs/lontar/alone.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "control/smarthost.h"
#include "ipc/channel.h"
#include "programs/lontar/progress.h"
#include "programs/lontar/spawn.h"
#include "store/parked.h"

struct worker {
	char name[SMARTHOST_NAME_MAX];
	pid_t pid;
	int fd;         /* -1: it has ended */
	int channel_fd; /* the master's, which it does not need, kept open */
	bool has_told;
};

struct alone {
	struct command_context *context;
	struct settings settings;
	struct identity identity;
	int program_fd;
	struct worker *workers;
	size_t count, started, running;
	struct progress progress;
	struct err why; /* the first of what went wrong */
};

static void add(struct alone *alone, const char *name)
{
	struct worker *worker;

	alone->workers =
		must_resize(alone->workers, alone->count + 1, sizeof(*alone->workers));
	worker = &alone->workers[alone->count++];
	*worker = (struct worker){ .fd = -1, .channel_fd = -1 };
	snprintf(worker->name, sizeof(worker->name), "%s", name);
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

static void start(struct alone *alone, struct worker *worker)
{
	struct spawn_order order = {
		.program = "lontar-flush",
		.arguments = { "--alone", worker->name },
		.program_fd = alone->program_fd,
		.root_fd = alone->context->root_fd,
		.identity = &alone->identity,
		.keeps_stderr = true,
	};
	struct spawned spawned;
	struct err err;
	int pair[2];

	if (!file_socketpair(pair, &err)) {
		blame(alone, &err);
		return;
	}
	order.private_fd = pair[1];
	if (spawn(&order, &spawned, &err)) {
		worker->pid = spawned.pid;
		worker->channel_fd = spawned.channel_fd;
		worker->fd = pair[0];
		pair[0] = -1;
		alone->running++;
	} else {
		blame(alone, &err);
	}
	file_close(&pair[0]);
	file_close(&pair[1]);
}

/* Waits for its end, which has begun: until then it has the lock. */
static void end(struct alone *alone, struct worker *worker)
{
	struct err err;
	int status = 0;

	file_close(&worker->fd);
	file_close(&worker->channel_fd);
	while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	alone->running--;
	if (worker->has_told)
		return;
	err_temporary(&err, "", "the flush of %s ended without a word", worker->name);
	blame(alone, &err);
}

/* New routes moved mail there: its turn comes, again where it has been. */
static void want(struct alone *alone, const char *name)
{
	AUTO_BUF nudge = BUF_INIT(PACKET_MAX);
	struct err ignored;

	for (size_t i = 0; i < alone->count; i++) {
		struct worker *worker = &alone->workers[i];

		if (strcmp(worker->name, name) != 0)
			continue;
		packet_begin(&nudge, LINK_NUDGE, 0);
		if (i >= alone->started ||
		    (worker->fd >= 0 && !worker->has_told &&
		     channel_send(worker->fd, &nudge, -1, &ignored)))
			return;
	}
	add(alone, name);
}

static void hear(struct alone *alone, struct worker *worker)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);
	char moved_to[SMARTHOST_NAME_MAX];
	struct link_progress told;
	struct link_moved moved;
	struct link_done done;
	struct packet packet;
	struct err err;

	if (channel_receive(worker->fd, &in, NULL) != CHANNEL_PACKET ||
	    !packet_open(&packet, buf_span(&in))) {
		end(alone, worker);
		return;
	}
	if (packet.type == LINK_PROGRESS && link_progress_get(&packet, &told)) {
		progress_take(&alone->progress, &told);
	} else if (packet.type == LINK_MOVED && link_moved_get(&packet, &moved) &&
		   packet_text_copy(moved.smarthost, moved_to, sizeof(moved_to))) {
		want(alone, moved_to);
	} else if (packet.type == LINK_DONE && link_done_get(&packet, &done)) {
		worker->has_told = true;
		if (done.exit_code == 0)
			return;
		err_exit(&err, (int)done.exit_code, "%.*s", SPAN_ARG(done.text));
		blame(alone, &err);
	}
}

static void run(struct alone *alone)
{
	struct pollfd *watched = NULL;

	for (;;) {
		size_t count;

		while (alone->started < alone->count &&
		       (alone->running < alone->settings.concurrencyremote ||
			!alone->running))
			start(alone, &alone->workers[alone->started++]);
		if (!alone->running)
			break;
		count = alone->count; /* hear may add some */
		watched = must_resize(watched, count, sizeof(*watched));
		for (size_t i = 0; i < count; i++)
			watched[i] = (struct pollfd){ .fd = alone->workers[i].fd,
						      .events = POLLIN };
		if (poll(watched, count, -1) < 0)
			continue;
		for (size_t i = 0; i < count; i++)
			if (watched[i].fd >= 0 && watched[i].revents)
				hear(alone, &alone->workers[i]);
	}
	free(watched);
}

bool flush_alone(struct command_context *context, struct err *err)
{
	struct alone alone = { .context = context, .program_fd = -1 };
	bool fine;

	if (!settings_load(context->control_fd, &alone.settings, err))
		return false;
	identity_find("lontarout", NULL, &alone.identity);
	alone.program_fd = spawn_open("lontar-flush", err);
	fine = alone.program_fd >= 0 && choose(&alone, err);
	if (fine && !alone.count)
		puts("nothing waits");
	if (fine && alone.count) {
		progress_begin(&alone.progress);
		run(&alone);
		progress_end(&alone.progress);
		*err = alone.why;
		fine = err->kind == ERR_NONE;
	}
	free(alone.workers);
	settings_clear(&alone.settings);
	file_close(&alone.program_fd);
	return fine;
}
