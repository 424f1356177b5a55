#include "session/doors.h"

#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "ipc/service.h"
#include "net/listener.h"

#define OTHER_FDS      100 /* listeners, the master, what libraries keep open */
#define BATCH          32  /* clients let in before those inside have their turn */
#define LAST_WORDS_S   0.3 /* for the last replies to leave */
#define ACCEPT_PAUSE_S 0.5

struct door {
	ev_io io;
	struct doors *doors;
	const char *service;
};

struct doors {
	struct worker *worker;
	struct service service;
	struct door doors[SERVICE_LISTENERS_MAX];
	size_t clients_max; /* what there are descriptors for */
	ev_timer timer;     /* to accept again; once stopping, to end */
	int exit_code;
};

static void open_doors(struct doors *doors, bool open)
{
	for (size_t i = 0; i < doors->service.listener_count; i++) {
		if (open)
			ev_io_start(doors->service.loop, &doors->doors[i].io);
		else
			ev_io_stop(doors->service.loop, &doors->doors[i].io);
	}
}

static void wind_timer(struct doors *doors, ev_tstamp after_s)
{
	ev_timer_stop(doors->service.loop, &doors->timer);
	ev_timer_set(&doors->timer, after_s, 0.);
	ev_timer_start(doors->service.loop, &doors->timer);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct doors *doors = timer->data;

	(void)events;
	if (!doors->worker->stopping) {
		open_doors(doors, true);
	} else if (doors->worker->count) {
		worker_expel(doors->worker, "stopped before the answer");
		wind_timer(doors, LAST_WORDS_S);
	} else {
		ev_break(loop, EVBREAK_ALL);
	}
}

static bool let_in(struct doors *doors, const struct door *door)
{
	struct worker *worker = doors->worker;
	char ip[LISTENER_ADDRESS_MAX];
	struct err err;
	int fd = -1;

	switch (listener_accept(door->io.fd, &fd, ip, &err)) {
	case LISTENER_EMPTY:
		return false;
	case LISTENER_FAILED:
		log_failure(&err);
		open_doors(doors, false);
		wind_timer(doors, ACCEPT_PAUSE_S);
		return false;
	case LISTENER_CLIENT:
		break;
	}
	if (!worker->tls && strcmp(door->service, worker->protocol->tls_service) == 0) {
		log_warning("%s: no certificate, so no session for %s", door->service,
			    ip);
		file_close(&fd);
		return true;
	}
	worker_let_in(worker, fd, fd, door->service, ip);
	if (worker->count < doors->clients_max)
		return true;
	/* Others wait in the kernel, or for another worker. */
	open_doors(doors, false);
	return false;
}

static void on_client(struct ev_loop *loop, ev_io *watcher, int events)
{
	const struct door *door = watcher->data;

	(void)loop;
	(void)events;
	for (int i = 0; i < BATCH; i++)
		if (!let_in(door->doors, door))
			break;
}

static void on_leave(void *keeper)
{
	struct doors *doors = keeper;

	if (!doors->worker->stopping)
		open_doors(doors, true);
	else if (doors->worker->count == 0)
		wind_timer(doors, LAST_WORDS_S);
}

static void close_doors(struct doors *doors)
{
	open_doors(doors, false);
	wind_timer(doors,
		   doors->worker->count ? doors->worker->protocol->stop_s : LAST_WORDS_S);
}

static void on_stop(struct service *service)
{
	struct doors *doors = service->ctx;

	worker_stop(doors->worker);
	close_doors(doors);
}

static void on_lost(void *keeper, const char *who)
{
	struct doors *doors = keeper;

	log_warning("%s", who);
	doors->exit_code = EX_TEMPFAIL;
	close_doors(doors);
}

static void on_certificate(struct service *service)
{
	struct doors *doors = service->ctx;
	struct tls_server *tls;
	struct err err;

	tls = tls_server_new(service->certificate_fd, service->key_fd, &err);
	if (!tls) {
		err_context(&err, "the new certificate");
		log_failure(&err);
		return;
	}
	tls_server_free(doors->worker->tls);
	doors->worker->tls = tls;
}

/* As many sessions as there are descriptors for. */
static size_t count_clients(const struct protocol *protocol)
{
	struct rlimit limit;
	size_t most;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 1;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < OTHER_FDS + protocol->client_fds)
		return 1;
	most = (limit.rlim_cur - OTHER_FDS) / protocol->client_fds;
	return most < protocol->clients_max ? most : protocol->clients_max;
}

static void hang_doors(struct doors *doors)
{
	for (size_t i = 0; i < doors->service.listener_count; i++) {
		const struct service_listener *listener = &doors->service.listeners[i];
		struct door *door = &doors->doors[i];

		*door = (struct door){ .doors = doors, .service = listener->name };
		ev_io_init(&door->io, on_client, listener->fd, EV_READ);
		door->io.data = door;
	}
	open_doors(doors, true);
}

bool doors_serve(struct worker *worker, int *exit_code_out, struct err *err)
{
	static struct doors doors;
	struct service *service = &doors.service;

	doors.worker = worker;
	doors.clients_max = count_clients(worker->protocol);
	worker->keeper = &doors;
	worker->on_leave = on_leave;
	worker->on_lost = on_lost;
	service->ctx = &doors;
	service->on_stop = on_stop;
	service->on_certificate = on_certificate;
	if (!service_begin(service, err) ||
	    !worker_begin(worker, service->loop, WORKER_AUTH_NEEDED, err))
		return false;
	ev_timer_init(&doors.timer, on_timer, 0., 0.);
	doors.timer.data = &doors;
	if (service->certificate_fd >= 0)
		on_certificate(service);
	hang_doors(&doors);
	if (!sandbox_enter(err))
		return false;
	service_run(service);
	worker_clear(worker);
	*exit_code_out = doors.exit_code;
	return true;
}
