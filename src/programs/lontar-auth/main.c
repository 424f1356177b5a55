/*
 * lontar-auth: who is served, and whose password is right. It counts connections and
 * failures for all session workers, and starts the mailbox of who logs in to POP3.
 */
#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "programs/lontar-auth/login.h"
#include "programs/lontar-auth/worker.h"

static void on_connection(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	worker_accept(watcher->data, watcher->fd);
}

static bool begin(struct auth *auth, ev_io listeners[], struct err *err)
{
	const struct passwd *worker = getpwnam("lontard");
	struct service *service = &auth->service;

	auth->workers_uid = worker ? worker->pw_uid : geteuid();
	auth->control_fd = file_open_dir(AT_FDCWD, "control", err);
	if (auth->control_fd < 0 ||
	    !settings_load(auth->control_fd, &auth->settings, err))
		return false;
	auth->refreshed_ms = clock_monotonic_ms();
	auth->remotes = remotes_new();
	auth->logins = login_queue_new();
	if (!service_begin(service, err))
		return false;
	for (size_t i = 0; i < service->listener_count; i++) {
		ev_io_init(&listeners[i], on_connection, service->listeners[i].fd,
			   EV_READ);
		listeners[i].data = auth;
		ev_io_start(service->loop, &listeners[i]);
	}
	return true;
}

int main(void)
{
	static ev_io listeners[SERVICE_LISTENERS_MAX];
	static struct auth auth;
	struct err err = { 0 };

	log_open("lontar-auth");
	if (!begin(&auth, listeners, &err)) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	service_run(&auth.service);
	return EX_OK;
}
