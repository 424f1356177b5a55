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
#include "ipc/acceptor.h"
#include "programs/lontar-auth/login.h"
#include "programs/lontar-auth/worker.h"

static void on_connection(void *ctx, int fd)
{
	worker_take(ctx, fd);
}

/* Where there is no such user, all run as we do. */
static uid_t uid_of(const char *role)
{
	const struct passwd *user = getpwnam(role);

	return user ? user->pw_uid : geteuid();
}

static bool begin(struct auth *auth, struct acceptor acceptors[], struct err *err)
{
	struct service *service = &auth->service;

	auth->workers_uid = uid_of("lontard");
	auth->web_uid = uid_of("lontarweb");
	auth->control_fd = file_open_dir(AT_FDCWD, "control", err);
	if (auth->control_fd < 0 ||
	    !settings_load(auth->control_fd, &auth->settings, err))
		return false;
	auth->refreshed_ms = clock_monotonic_ms();
	auth->remotes = remotes_new();
	auth->logins = login_queue_new();
	if (!service_begin(service, err))
		return false;
	for (size_t i = 0; i < service->listener_count; i++)
		acceptor_start(&acceptors[i], service->loop, service->listeners[i].fd,
			       on_connection, auth);
	return true;
}

int main(void)
{
	static struct acceptor acceptors[SERVICE_LISTENERS_MAX];
	static struct auth auth;
	struct err err = { 0 };

	log_open("lontar-auth");
	if (!begin(&auth, acceptors, &err)) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	service_run(&auth.service);
	return EX_OK;
}
