#include "ipc/service.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/file.h"
#include "ipc/channel.h"
#include "ipc/master.h"

#define MASTER_WAIT_MS 30000

static bool take_listener(struct service *service, struct packet *packet, int fd)
{
	struct service_listener *listener = &service->listeners[service->listener_count];
	struct master_listener told;

	if (fd < 0 || service->listener_count == SERVICE_LISTENERS_MAX ||
	    !master_listener_get(packet, &told) ||
	    !packet_text_copy(told.service, listener->name, sizeof(listener->name)) ||
	    !packet_text_copy(told.address, listener->address, sizeof(listener->address)))
		return false;
	listener->fd = fd;
	service->listener_count++;
	return true;
}

static bool replace(int *fd, int with)
{
	file_close(fd);
	*fd = with;
	return with >= 0;
}

/* What may come both before MASTER_GO and, as something new, at any later time. */
static bool take(struct service *service, struct packet *packet, int fd)
{
	switch (packet->type) {
	case MASTER_LISTENER:
		return take_listener(service, packet, fd);
	case MASTER_CERTIFICATE:
		return replace(&service->certificate_fd, fd);
	case MASTER_KEY:
		return replace(&service->key_fd, fd);
	default:
		return false;
	}
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct service *service = ctx;

	(void)peer;
	if (packet->type == MASTER_CERTIFICATE || packet->type == MASTER_KEY) {
		bool taken = take(service, packet, fd);

		/* The key comes last. */
		if (taken && packet->type == MASTER_KEY && service->on_certificate)
			service->on_certificate(service);
		return taken;
	}
	if (service->on_packet)
		return service->on_packet(service, packet, fd);
	file_close(&fd);
	return true;
}

/* The master is gone, however it died: so are we. */
static void on_closed(void *ctx, struct peer *peer)
{
	(void)ctx;
	(void)peer;
	_exit(EX_TEMPFAIL);
}

static const struct peer_handler handler = { on_packet, on_closed };

static void on_term(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct service *service = watcher->data;

	(void)events;
	if (service->on_stop)
		service->on_stop(service);
	else
		ev_break(loop, EVBREAK_ALL);
}

static void on_hup(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct service *service = watcher->data;

	(void)loop;
	(void)events;
	if (service->on_reload)
		service->on_reload(service);
}

static bool hear_master(struct service *service, struct err *err)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);

	for (;;) {
		struct packet packet;
		int fd;

		if (channel_wait(MASTER_FD, MASTER_WAIT_MS, &in, &fd) != CHANNEL_PACKET)
			return err_exit(err, EX_USAGE,
					"no master on descriptor 3: `lontar run` starts "
					"this program");
		if (!packet_open(&packet, buf_span(&in)))
			return err_temporary(err, "", "the master sent nonsense");
		if (packet.type == MASTER_GO)
			return true;
		if (!take(service, &packet, fd))
			return err_temporary(err, "", "the master sent nonsense");
	}
}

/* A setuid in between clears this, and descriptor 3 tells anyway: it is only faster. */
static void die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static bool forget_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	(void)ctx;
	(void)peer;
	(void)packet;
	file_close(&fd);
	return true;
}

struct peer *service_tie(struct ev_loop *loop)
{
	static const struct peer_handler tie = { forget_packet, on_closed };

	die_with_parent();
	return peer_open(loop, MASTER_FD, &tie, NULL);
}

bool service_begin(struct service *service, struct err *err)
{
	service->certificate_fd = service->key_fd = -1;
	die_with_parent();
	signal(SIGPIPE, SIG_IGN);
	if (!hear_master(service, err))
		return false;
	service->loop = ev_default_loop(EVFLAG_AUTO);
	if (!service->loop)
		return err_temporary(err, "", "no event loop");
	service->master = peer_open(service->loop, MASTER_FD, &handler, service);
	ev_signal_init(&service->term, on_term, SIGTERM);
	ev_signal_init(&service->hup, on_hup, SIGHUP);
	service->term.data = service->hup.data = service;
	ev_signal_start(service->loop, &service->term);
	ev_signal_start(service->loop, &service->hup);
	return true;
}

void service_run(struct service *service)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	packet_begin(&out, MASTER_READY, 0);
	peer_send(service->master, &out, -1);
	ev_run(service->loop, 0);
}

void service_start(struct service *service, const char *role, const char *name,
		   int private_fd)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	master_start_put(&out, 0, &(struct master_start){ span_of(role), span_of(name) });
	peer_send(service->master, &out, private_fd);
	file_close(&private_fd);
}
