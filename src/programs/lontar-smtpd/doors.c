#include "programs/lontar-smtpd/doors.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "ipc/channel.h"
#include "ipc/service.h"
#include "net/listener.h"
#include "programs/lontar-smtpd/session.h"

#define SESSION_FDS    2   /* the client, a draft */
#define OTHER_FDS      100 /* listeners, the master, what libraries keep open */
#define BATCH          32  /* clients let in before those inside have their turn */
#define STOP_S         5.0 /* for what is being committed when we are told to end */
#define LAST_WORDS_S   0.3 /* for the last replies to leave */
#define ACCEPT_PAUSE_S 0.5

struct door {
	ev_io io;
	struct doors *doors;
	const char *service;
};

struct doors {
	struct worker worker; /* first: its call-backs find the rest */
	struct service service;
	struct door doors[SERVICE_LISTENERS_MAX];
	ev_timer timer; /* to accept again; once stopping, to end */
	int exit_code;
};

static void open_doors(struct doors *doors, bool open)
{
	for (size_t i = 0; i < doors->service.listener_count; i++) {
		if (open)
			ev_io_start(doors->worker.loop, &doors->doors[i].io);
		else
			ev_io_stop(doors->worker.loop, &doors->doors[i].io);
	}
}

static void wind_timer(struct doors *doors, ev_tstamp after_s)
{
	ev_timer_stop(doors->worker.loop, &doors->timer);
	ev_timer_set(&doors->timer, after_s, 0.);
	ev_timer_start(doors->worker.loop, &doors->timer);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct doors *doors = timer->data;

	(void)events;
	if (!doors->worker.stopping) {
		open_doors(doors, true);
	} else if (doors->worker.count) {
		worker_expel(&doors->worker, "stopped before the answer");
		wind_timer(doors, LAST_WORDS_S);
	} else {
		ev_break(loop, EVBREAK_ALL);
	}
}

static bool let_in(struct doors *doors, const struct door *door)
{
	struct worker *worker = &doors->worker;
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
	if (!worker->tls && strcmp(door->service, "smtps") == 0) {
		log_warning("smtps: no certificate, so no session for %s", ip);
		file_close(&fd);
		return true;
	}
	session_open(worker, fd, fd, door->service, ip);
	if (worker->count < worker->count_max)
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

static void on_session_end(struct worker *worker)
{
	struct doors *doors = (struct doors *)worker;

	if (!worker->stopping)
		open_doors(doors, true);
	else if (worker->count == 0)
		wind_timer(doors, LAST_WORDS_S);
}

static void close_doors(struct doors *doors)
{
	open_doors(doors, false);
	wind_timer(doors, doors->worker.count ? STOP_S : LAST_WORDS_S);
}

static void on_stop(struct service *service)
{
	struct doors *doors = service->ctx;

	worker_stop(&doors->worker);
	close_doors(doors);
}

static void on_lost(struct worker *worker, const char *who)
{
	struct doors *doors = (struct doors *)worker;

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
	tls_server_free(doors->worker.tls);
	doors->worker.tls = tls;
}

/* As many sessions as there are descriptors for. */
static size_t count_sessions(void)
{
	struct rlimit limit;
	size_t most;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 1;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < OTHER_FDS + SESSION_FDS)
		return 1;
	most = (limit.rlim_cur - OTHER_FDS) / SESSION_FDS;
	return most < WORKER_SESSIONS_MAX ? most : WORKER_SESSIONS_MAX;
}

static bool begin(struct doors *doors, struct err *err)
{
	AUTO_FD root_fd = file_open_dir(AT_FDCWD, ".", err);
	int auth_fd, deliver_fd;

	if (root_fd < 0)
		return false;
	auth_fd = channel_connect(root_fd, "auth", err);
	if (auth_fd < 0)
		return false;
	deliver_fd = channel_connect(root_fd, "deliver", err);
	if (deliver_fd < 0) {
		file_close(&auth_fd);
		return false;
	}
	worker_begin(&doors->worker, doors->service.loop, auth_fd, deliver_fd);
	doors->worker.count_max = count_sessions();
	doors->worker.on_session_end = on_session_end;
	doors->worker.on_lost = on_lost;
	ev_timer_init(&doors->timer, on_timer, 0., 0.);
	doors->timer.data = doors;
	return true;
}

bool doors_serve(int *exit_code_out, struct err *err)
{
	static struct doors doors;
	struct service *service = &doors.service;

	service->ctx = &doors;
	service->on_stop = on_stop;
	service->on_certificate = on_certificate;
	if (!service_begin(service, err) || !begin(&doors, err))
		return false;
	if (service->certificate_fd >= 0)
		on_certificate(service);
	for (size_t i = 0; i < service->listener_count; i++) {
		struct door *door = &doors.doors[i];

		*door = (struct door){ .doors = &doors,
				       .service = service->listeners[i].name };
		ev_io_init(&door->io, on_client, service->listeners[i].fd, EV_READ);
		door->io.data = door;
	}
	open_doors(&doors, true);
	if (!sandbox_enter(err))
		return false;
	service_run(service);
	worker_clear(&doors.worker);
	*exit_code_out = doors.exit_code;
	return true;
}
