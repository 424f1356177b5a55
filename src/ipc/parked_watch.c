#include "ipc/parked_watch.h"

#include "base/file.h"
#include "control/routes.h"
#include "ipc/channel.h"
#include "ipc/intake.h"

#define RETRY_S 1.

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	const struct parked_watch *watch = ctx;
	char name[SMARTHOST_NAME_MAX];
	struct intake_parked parked;

	(void)peer;
	file_close(&fd);
	if (packet->type != INTAKE_PARKED || !intake_parked_get(packet, &parked) ||
	    !packet_text_copy(parked.smarthost, name, sizeof(name)))
		return false;
	watch->on_parked(watch->ctx, name);
	return true;
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct parked_watch *watch = ctx;

	(void)peer;
	watch->deliver = NULL;
	ev_timer_start(watch->loop, &watch->again);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	static const struct peer_handler handler = { on_packet, on_closed };
	struct parked_watch *watch = timer->data;
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct err ignored;
	int fd = channel_connect(watch->root_fd, "deliver", &ignored);

	(void)events;
	if (fd < 0)
		return;
	ev_timer_stop(loop, timer);
	watch->deliver = peer_open(loop, fd, &handler, watch);
	packet_begin(&out, INTAKE_WATCH, 0);
	peer_send(watch->deliver, &out, -1);
	watch->on_begin(watch->ctx);
}

void parked_watch_start(struct parked_watch *watch)
{
	ev_timer_init(&watch->again, on_again, 0., RETRY_S);
	watch->again.data = watch;
	ev_timer_start(watch->loop, &watch->again);
}
