#include "programs/lontar-pop3d/doors.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "ipc/service.h"
#include "net/listener.h"
#include "programs/lontar-pop3d/session.h"
#include "programs/lontar-pop3d/worker.h"

#define SESSIONS_MAX   1000
#define SESSION_FDS    3   /* the client, his mailbox, a message */
#define OTHER_FDS      100 /* listeners, the master, what libraries keep open */
#define STOP_S         3.0 /* for what is being said when we are told to end */
#define LAST_WORDS_S   0.3 /* for the last replies to leave */
#define ACCEPT_PAUSE_S 0.5

struct door {
	ev_io io;
	struct doors *doors;
	const char *service;
};

struct doors {
	struct worker worker; /* first: call-backs get it and find the rest */
	struct service service;
	struct door doors[SERVICE_LISTENERS_MAX];
	size_t sessions_max;
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
	if (doors->worker.stopping)
		ev_break(loop, EVBREAK_ALL);
	else
		open_doors(doors, true);
}

/* A laptop that went to sleep in a session must not keep its mailbox locked until the
 * session's deadline: after two minutes of silence the kernel knows. */
static void notice_absence(int fd)
{
	const int on = 1, idle_s = 60, interval_s = 20, probes = 3;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

static void on_client(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct door *door = watcher->data;
	struct doors *doors = door->doors;
	struct worker *worker = &doors->worker;
	char ip[LISTENER_ADDRESS_MAX];
	struct err err;
	int fd;

	(void)loop;
	(void)events;
	switch (listener_accept(watcher->fd, &fd, ip, &err)) {
	case LISTENER_EMPTY:
		return;
	case LISTENER_FAILED:
		log_failure(&err);
		open_doors(doors, false);
		wind_timer(doors, ACCEPT_PAUSE_S);
		return;
	case LISTENER_CLIENT:
		break;
	}
	if (!worker->tls && strcmp(door->service, "pop3s") == 0) {
		log_warning("pop3s: no certificate, so no session for %s", ip);
		file_close(&fd);
		return;
	}
	notice_absence(fd);
	session_open(worker, fd, fd, door->service, ip);
	if (worker->count >= doors->sessions_max)
		open_doors(doors, false);
}

static void on_session_end(struct worker *worker)
{
	struct doors *doors = (struct doors *)worker;

	if (!worker->stopping)
		open_doors(doors, true);
	else if (worker->count == 0)
		wind_timer(doors, LAST_WORDS_S);
}

static void stop(struct doors *doors)
{
	open_doors(doors, false);
	wind_timer(doors, doors->worker.count ? STOP_S : LAST_WORDS_S);
	worker_stop(&doors->worker);
}

static void on_stop(struct service *service)
{
	stop(service->ctx);
}

static void on_auth_lost(struct worker *worker)
{
	struct doors *doors = (struct doors *)worker;

	log_warning("lontar-auth is gone");
	doors->exit_code = EX_TEMPFAIL;
	stop(doors);
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
	return most < SESSIONS_MAX ? most : SESSIONS_MAX;
}

bool doors_serve(int *exit_code_out, struct err *err)
{
	static struct doors doors;
	struct service *service = &doors.service;

	service->ctx = &doors;
	service->on_stop = on_stop;
	service->on_certificate = on_certificate;
	if (!service_begin(service, err) ||
	    !worker_begin(&doors.worker, service->loop, err))
		return false;
	doors.worker.on_session_end = on_session_end;
	doors.worker.on_auth_lost = on_auth_lost;
	doors.sessions_max = count_sessions();
	ev_timer_init(&doors.timer, on_timer, 0., 0.);
	doors.timer.data = &doors;
	if (service->certificate_fd >= 0)
		on_certificate(service);
	hang_doors(&doors);
	if (!sandbox_enter(err))
		return false;
	service_run(service);
	worker_clear(&doors.worker);
	*exit_code_out = doors.exit_code;
	return true;
}
