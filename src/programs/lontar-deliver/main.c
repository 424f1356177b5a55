/*
 * lontar-deliver: everything that becomes durable passes here. It says where a
 * recipient's mail goes, hands out drafts, and commits them in groups.
 */
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/log.h"
#include "ipc/acceptor.h"
#include "ipc/service.h"
#include "programs/lontar-deliver/intake.h"
#include "store/incoming.h"

struct program {
	struct service service;
	struct intake intake;
	struct acceptor acceptors[SERVICE_LISTENERS_MAX];
	ev_timer stop;
};

static void on_connection(void *ctx, int fd)
{
	struct program *program = ctx;

	intake_take(&program->intake, fd);
}

static void on_stop_check(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct program *program = watcher->data;

	(void)events;
	if (commit_is_idle(program->intake.commit))
		ev_break(loop, EVBREAK_ALL);
}

/* What is being committed gets its answer; nothing else was promised. */
static void on_stop(struct service *service)
{
	struct program *program = service->ctx;

	if (program->intake.stopping)
		return;
	program->intake.stopping = true;
	for (size_t i = 0; i < service->listener_count; i++)
		acceptor_stop(&program->acceptors[i]);
	ev_timer_init(&program->stop, on_stop_check, 0., .02);
	program->stop.data = program;
	ev_timer_start(service->loop, &program->stop);
}

static uid_t uid_of(const char *user)
{
	const struct passwd *entry = getpwnam(user);

	return entry ? entry->pw_uid : geteuid();
}

static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static bool begin(struct program *program, struct err *err)
{
	struct intake *intake = &program->intake;
	int control_fd;

	raise_file_limit();
	intake->root_fd = file_open_dir(AT_FDCWD, ".", err);
	if (intake->root_fd < 0)
		return false;
	control_fd = file_open_dir(intake->root_fd, "control", err);
	if (control_fd < 0 || !router_open(&intake->router, control_fd, err))
		return false;
	router_watch(&intake->router);
	intake->router.root_fd = intake->root_fd;
	intake->workers_uid = uid_of("lontard");
	intake->senders_uid = uid_of("lontarout");
	/* Before the loop, so that the syncer inherits nothing of it. */
	intake->commit = commit_new(intake->root_fd, err);
	if (!intake->commit || !service_begin(&program->service, err))
		return false;
	/* Whoever was writing there died with the gateway, or never heard a 250. */
	if (!incoming_clear(intake->root_fd, err))
		return false;
	intake->loop = program->service.loop;
	intake->filters = (struct filters){ .service = &program->service,
					    .control_fd = control_fd };
	commit_attach(intake->commit, intake->loop);
	for (size_t i = 0; i < program->service.listener_count; i++) {
		acceptor_start(&program->acceptors[i], intake->loop,
			       program->service.listeners[i].fd, on_connection, program);
	}
	return true;
}

int main(void)
{
	static struct program program;
	struct err err = { 0 };

	log_open("lontar-deliver");
	program.service.ctx = &program;
	program.service.on_stop = on_stop;
	if (!begin(&program, &err)) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	service_run(&program.service);
	commit_close(program.intake.commit);
	return EX_OK;
}
