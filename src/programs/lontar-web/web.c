#include "programs/lontar-web/web.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "programs/lontar-web/request.h"

#define CONNECTIONS_MAX        64U
#define CONNECTIONS_OF_ONE_MAX 16U
#define CONNECTION_MEMORY      ((size_t)32 * 1024)
#define SILENCE_S              30U

/* Everything that is ready; then it says when it wants to look again. */
static void run_daemon(struct web *web)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(web->daemon);
	ev_timer_stop(web->service.loop, &web->due);
	if (MHD_get_timeout(web->daemon, &wait_ms) != MHD_YES)
		return;
	ev_timer_set(&web->due, (double)wait_ms / 1000, 0.);
	ev_timer_start(web->service.loop, &web->due);
}

static void on_work(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	run_daemon(watcher->data);
}

static void on_due(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	run_daemon(watcher->data);
}

static void on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events)
{
	struct web *web = watcher->data;

	(void)loop;
	(void)events;
	if (!web->go_on)
		return;
	web->go_on = false;
	run_daemon(web);
}

void web_go_on(struct web *web)
{
	web->go_on = true;
}

static void on_connection(void *ctx, int fd)
{
	struct web *web = ctx;
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getpeername(fd, (struct sockaddr *)&address, &len) != 0) {
		close(fd);
		return;
	}
	/* It owns fd from here on, refused or not. */
	if (MHD_add_connection(web->daemon, fd, (struct sockaddr *)&address, len) ==
	    MHD_YES)
		run_daemon(web);
}

static bool start_daemon(struct web *web)
{
	web->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0,
		NULL, NULL, request_handle, web, MHD_OPTION_CONNECTION_LIMIT,
		CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		CONNECTIONS_OF_ONE_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_S,
		MHD_OPTION_NOTIFY_COMPLETED, request_completed, web, MHD_OPTION_END);
	return web->daemon != NULL;
}

bool web_open(struct web *web, struct err *err)
{
	const union MHD_DaemonInfo *info;
	struct ev_loop *loop = web->service.loop;

	if (!start_daemon(web))
		return err_temporary(err, "", "the HTTP library does not start");
	info = MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return err_temporary(err, "", "the HTTP library has no epoll descriptor");
	ev_io_init(&web->work, on_work, info->epoll_fd, EV_READ);
	ev_timer_init(&web->due, on_due, 0., 0.);
	ev_prepare_init(&web->run, on_prepare);
	web->work.data = web->due.data = web->run.data = web;
	ev_io_start(loop, &web->work);
	ev_prepare_start(loop, &web->run);
	for (size_t i = 0; i < web->service.listener_count; i++)
		acceptor_start(&web->acceptors[i], loop, web->service.listeners[i].fd,
			       on_connection, web);
	return true;
}

/* Who still waits for an answer is let go without one: a suspended connection must not
 * be there when the daemon stops. */
void web_close(struct web *web)
{
	for (size_t i = 0; i < web->service.listener_count; i++)
		acceptor_stop(&web->acceptors[i]);
	requests_resume_all(web);
	if (web->daemon)
		MHD_stop_daemon(web->daemon);
}
