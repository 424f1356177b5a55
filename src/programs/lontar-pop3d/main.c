/*
 * lontar-pop3d: POP3 sessions. Under `lontar run` (--service) all of them, for the
 * listeners pop3 and pop3s; else one, on stdin and stdout, under tcpserver or inetd.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/args.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "ipc/channel.h"
#include "ipc/service.h"
#include "net/listener.h"
#include "session.h"
#include "worker.h"

#define SESSIONS_MAX   1000
#define SESSION_FDS    3   /* the client, his mailbox, a message */
#define OTHER_FDS      100 /* listeners, the master, what libraries keep open */
#define STOP_S         3.0 /* for what is being said when we are told to end */
#define LAST_WORDS_S   0.3 /* for the last replies to leave */
#define ACCEPT_PAUSE_S 1.0

static const char usage[] =
	"usage: lontar-pop3d [--service] [--root DIR]\n"
	"POP3 sessions: all of the gateway's with --service (started by `lontar run`),\n"
	"else one on stdin and stdout for the client at $TCPREMOTEIP (tcpserver, inetd).\n"
	"  --root DIR  the gateway's folder, else $LONTAR_ROOT, else /var/lib/lontar\n";

struct door {
	ev_io io;
	struct program *program;
	const char *service;
};

struct program {
	struct worker worker; /* first: call-backs get it and find the rest */
	struct service service;
	struct door doors[SERVICE_LISTENERS_MAX];
	size_t sessions_max;
	ev_timer timer; /* to accept again; once stopping, to end */
	int exit_code;
};

static void open_doors(struct program *program, bool open)
{
	for (size_t i = 0; i < program->service.listener_count; i++) {
		if (open)
			ev_io_start(program->worker.loop, &program->doors[i].io);
		else
			ev_io_stop(program->worker.loop, &program->doors[i].io);
	}
}

static void wind_timer(struct program *program, ev_tstamp after_s)
{
	ev_timer_stop(program->worker.loop, &program->timer);
	ev_timer_set(&program->timer, after_s, 0.);
	ev_timer_start(program->worker.loop, &program->timer);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct program *program = timer->data;

	(void)events;
	if (program->worker.stopping)
		ev_break(loop, EVBREAK_ALL);
	else
		open_doors(program, true);
}

static void on_client(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct door *door = watcher->data;
	struct program *program = door->program;
	struct worker *worker = &program->worker;
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
		open_doors(program, false);
		wind_timer(program, ACCEPT_PAUSE_S);
		return;
	case LISTENER_CLIENT:
		break;
	}
	if (!worker->tls && strcmp(door->service, "pop3s") == 0) {
		log_warning("pop3s: no certificate, so no session for %s", ip);
		file_close(&fd);
		return;
	}
	session_open(worker, fd, fd, door->service, ip);
	if (worker->count >= program->sessions_max)
		open_doors(program, false);
}

static void on_session_end(struct worker *worker)
{
	struct program *program = (struct program *)worker;

	if (!worker->stopping)
		open_doors(program, true);
	else if (worker->count == 0)
		wind_timer(program, LAST_WORDS_S);
}

static void stop(struct program *program)
{
	open_doors(program, false);
	wind_timer(program, program->worker.count ? STOP_S : LAST_WORDS_S);
	worker_stop(&program->worker);
}

static void on_stop(struct service *service)
{
	stop(service->ctx);
}

static void on_auth_lost(struct worker *worker)
{
	struct program *program = (struct program *)worker;

	log_warning("lontar-auth is gone");
	program->exit_code = EX_TEMPFAIL;
	stop(program);
}

static void on_certificate(struct service *service)
{
	struct program *program = service->ctx;
	struct tls_server *tls;
	struct err err;

	tls = tls_server_new(service->certificate_fd, service->key_fd, &err);
	if (!tls) {
		err_context(&err, "the new certificate");
		log_failure(&err);
		return;
	}
	tls_server_free(program->worker.tls);
	program->worker.tls = tls;
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

static bool begin(struct program *program, struct ev_loop *loop, struct err *err)
{
	AUTO_FD root_fd = file_open_dir(AT_FDCWD, ".", err);
	int auth_fd;

	if (root_fd < 0)
		return false;
	auth_fd = channel_connect(root_fd, "auth", err);
	if (auth_fd < 0)
		return false;
	worker_init(&program->worker, loop, auth_fd);
	program->worker.on_session_end = on_session_end;
	program->worker.on_auth_lost = on_auth_lost;
	ev_timer_init(&program->timer, on_timer, 0., 0.);
	program->timer.data = program;
	return true;
}

static bool serve_all(struct program *program, struct err *err)
{
	struct service *service = &program->service;

	service->ctx = program;
	service->on_stop = on_stop;
	service->on_certificate = on_certificate;
	if (!service_begin(service, err) || !begin(program, service->loop, err))
		return false;
	program->sessions_max = count_sessions();
	if (service->certificate_fd >= 0)
		on_certificate(service);
	for (size_t i = 0; i < service->listener_count; i++) {
		struct door *door = &program->doors[i];

		*door = (struct door){ .program = program,
				       .service = service->listeners[i].name };
		ev_io_init(&door->io, on_client, service->listeners[i].fd, EV_READ);
		door->io.data = door;
	}
	open_doors(program, true);
	if (!sandbox_enter(err))
		return false;
	service_run(service);
	return true;
}

/* One session: the loop runs until nothing is left to watch. */
static void on_only_session_end(struct worker *worker)
{
	peer_close(worker->auth);
	worker->auth = NULL;
}

static void on_auth_lost_alone(struct worker *worker)
{
	((struct program *)worker)->exit_code = EX_TEMPFAIL;
}

static bool serve_one(struct program *program, struct err *err)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
	const char *ip = getenv("TCPREMOTEIP");

	if (!loop)
		return err_temporary(err, "", "no event loop");
	if (!begin(program, loop, err)) {
		struct err ignored;
		static const char sorry[] = "-ERR " SESSION_TEMPORARY "\r\n";

		if (!file_write(STDOUT_FILENO, sorry, sizeof(sorry) - 1, &ignored))
			return false;
		return false;
	}
	program->worker.on_session_end = on_only_session_end;
	program->worker.on_auth_lost = on_auth_lost_alone;
	session_open(&program->worker, STDIN_FILENO, STDOUT_FILENO, "pop3",
		     ip ? ip : "unknown");
	if (!sandbox_enter(err))
		return false;
	ev_run(loop, 0);
	return true;
}

static bool go_to_root(const char *root, struct err *err)
{
	if (!root)
		root = getenv("LONTAR_ROOT");
	if (!root || !root[0])
		root = "/var/lib/lontar";
	return chdir(root) == 0 ? true : err_errno(err, "chdir to %s", root);
}

int main(int argc, char **argv)
{
	static struct program program;
	bool service = false;
	const char *root = NULL;
	const struct args_option options[] = {
		{ .name = "service", .flag_out = &service },
		{ .name = "root", .value_out = &root },
		{ .name = NULL },
	};
	struct args args = { argc, argv };
	struct err err;
	bool fine;

	log_open("lontar-pop3d");
	signal(SIGPIPE, SIG_IGN);
	fine = args_parse(&args, options, usage, &err) &&
	       args_count(&args, 0, 0, usage, &err);
	if (fine && service)
		fine = serve_all(&program, &err);
	else if (fine)
		fine = go_to_root(root, &err) && serve_one(&program, &err);
	if (!fine) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	worker_clear(&program.worker);
	return program.exit_code;
}
