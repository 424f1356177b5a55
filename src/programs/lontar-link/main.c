/*
 * lontar-link: knows which links are up, and has what is parked flushed, and what waits
 * at providers fetched, while they are.
 */
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "ipc/acceptor.h"
#include "ipc/channel.h"
#include "ipc/intake.h"
#include "ipc/service.h"
#include "programs/lontar-link/flushes.h"
#include "programs/lontar-link/links.h"
#include "programs/lontar-link/requests.h"

#define WATCH_RETRY_S 1.

struct program {
	struct service service;
	struct links links;
	struct flushes flushes;
	struct pickups pickups;
	struct requests requests;
	struct peer *deliver; /* tells what is parked; NULL while it is away */
	ev_timer watch_again;
	struct acceptor acceptor;
};

static bool on_deliver(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct program *program = ctx;
	char name[SMARTHOST_NAME_MAX];
	struct intake_parked parked;

	(void)peer;
	file_close(&fd);
	if (packet->type != INTAKE_PARKED || !intake_parked_get(packet, &parked) ||
	    !packet_text_copy(parked.smarthost, name, sizeof(name)))
		return false;
	flushes_parked(&program->flushes, name);
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
	int fd = channel_connect(program->flushes.root_fd, "deliver", &ignored);

	(void)events;
	if (fd < 0)
		return;
	ev_timer_stop(loop, watcher);
	program->deliver = peer_open(loop, fd, &deliver_handler, program);
	packet_begin(&out, INTAKE_WATCH, 0);
	peer_send(program->deliver, &out, -1);
	if (links_any_up(&program->links)) {
		flushes_link_up(&program->flushes);
		pickups_link_up(&program->pickups);
	}
}

static void on_connection(void *ctx, int fd)
{
	struct program *program = ctx;

	requests_take(&program->requests, fd);
}

static bool begin(struct program *program, struct err *err)
{
	struct service *service = &program->service;
	struct flushes *flushes = &program->flushes;

	flushes->service = service;
	flushes->root_fd = file_open_dir(AT_FDCWD, ".", err);
	if (flushes->root_fd < 0)
		return false;
	flushes->control_fd = file_open_dir(flushes->root_fd, "control", err);
	if (flushes->control_fd < 0 || !flushes_open(flushes, err) ||
	    !service_begin(service, err) ||
	    !links_open(&program->links, flushes->root_fd, service->loop, err))
		return false;
	program->pickups = (struct pickups){ .service = service,
					     .root_fd = flushes->root_fd,
					     .control_fd = flushes->control_fd };
	program->requests = (struct requests){ .links = &program->links,
					       .flushes = flushes,
					       .pickups = &program->pickups };
	requests_open(&program->requests);
	if (service->listener_count != 1)
		return err_temporary(err, "", "one listener is expected: run/link");
	acceptor_start(&program->acceptor, service->loop, service->listeners[0].fd,
		       on_connection, program);
	ev_timer_init(&program->watch_again, on_watch_again, 0., WATCH_RETRY_S);
	program->watch_again.data = program;
	ev_timer_start(service->loop, &program->watch_again);
	return true;
}

int main(void)
{
	static struct program program;
	struct err err = { 0 };

	log_open("lontar-link");
	program.service.ctx = &program;
	if (!begin(&program, &err)) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	service_run(&program.service);
	links_close(&program.links);
	return EX_OK;
}
