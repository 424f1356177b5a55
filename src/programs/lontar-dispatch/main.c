/*
 * lontar-dispatch: runs what is more than a plain mailbox. Takes what waits in
 * spool/parked/local, has the master start a lontar-local for each recipient, tries again
 * by qmail's schedule, and bounces what cannot be delivered.
 */
#include <fcntl.h>

#include "base/file.h"
#include "base/log.h"
#include "ipc/channel.h"
#include "ipc/intake.h"
#include "ipc/peer.h"
#include "programs/lontar-dispatch/dispatch.h"

#define WATCH_RETRY_S 1.

struct program {
	struct service service;
	struct dispatch dispatch;
	struct peer *deliver; /* tells what is parked; NULL while it is away */
	ev_timer watch_again;
};

static bool on_deliver(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct program *program = ctx;
	struct intake_parked parked;

	(void)peer;
	file_close(&fd);
	if (packet->type != INTAKE_PARKED || !intake_parked_get(packet, &parked))
		return false;
	if (span_is(parked.smarthost, "local"))
		dispatch_wake(&program->dispatch, 0.);
	return true;
}

static void on_deliver_closed(void *ctx, struct peer *peer)
{
	struct program *program = ctx;

	(void)peer;
	program->deliver = NULL;
	ev_timer_start(program->service.loop, &program->watch_again);
}

static const struct peer_handler deliver_handler = { on_deliver, on_deliver_closed };

/* What was parked while nobody listened is looked for once. */
static void on_watch_again(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct program *program = watcher->data;
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct err ignored;
	int fd = channel_connect(program->dispatch.root_fd, "deliver", &ignored);

	(void)events;
	if (fd < 0)
		return;
	ev_timer_stop(loop, watcher);
	program->deliver = peer_open(loop, fd, &deliver_handler, program);
	packet_begin(&out, INTAKE_WATCH, 0);
	peer_send(program->deliver, &out, -1);
	dispatch_look(&program->dispatch, false);
}

static void on_stop(struct service *service)
{
	dispatch_stop(&((struct program *)service->ctx)->dispatch);
}

/* As qmail-send's ALRM: everything now. */
static void on_reload(struct service *service)
{
	dispatch_look(&((struct program *)service->ctx)->dispatch, true);
}

static bool begin(struct program *program, struct err *err)
{
	struct dispatch *dispatch = &program->dispatch;

	dispatch->service = &program->service;
	dispatch->root_fd = file_open_dir(AT_FDCWD, ".", err);
	if (dispatch->root_fd < 0)
		return false;
	dispatch->control_fd = file_open_dir(dispatch->root_fd, "control", err);
	if (dispatch->control_fd < 0 || !dispatch_open(dispatch, err) ||
	    !service_begin(&program->service, err))
		return false;
	ev_timer_init(&program->watch_again, on_watch_again, 0., WATCH_RETRY_S);
	program->watch_again.data = program;
	ev_timer_start(program->service.loop, &program->watch_again);
	return true;
}

int main(void)
{
	static struct program program;
	struct err err = { 0 };

	log_open("lontar-dispatch");
	program.service.ctx = &program;
	program.service.on_stop = on_stop;
	program.service.on_reload = on_reload;
	if (!begin(&program, &err)) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	service_run(&program.service);
	return EX_OK;
}
