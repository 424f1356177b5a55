#include "programs/lontar-pickup/boss.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"
#include "ipc/link.h"
#include "ipc/master.h"
#include "programs/lontar-pickup/provider_connection.h"

static bool on_stop(struct work *work, struct packet *packet)
{
	struct link_stop stop;
	char why[160];

	if (!link_stop_get(packet, &stop))
		return false;
	snprintf(why, sizeof(why), "%.*s", SPAN_ARG(stop.why));
	work_stop(work, why);
	return true;
}

static bool on_allow(struct work *work, struct packet *packet)
{
	struct link_allow allow;

	if (!link_allow_get(packet, &allow))
		return false;
	meter_allow(work, allow.most_bytes,
		    allow.until > INT64_MAX ? INT64_MAX : (int64_t)allow.until);
	return true;
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	(void)peer;
	file_close(&fd);
	if (packet->type == LINK_STOP)
		return on_stop(ctx, packet);
	return packet->type == LINK_ALLOW && on_allow(ctx, packet);
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct work *work = ctx;

	(void)peer;
	work->boss = NULL;
	work_stop(work, "nobody wants it any more");
}

static const struct peer_handler handler = { on_packet, on_closed };

void boss_open(struct work *work)
{
	int type;
	socklen_t len = sizeof(type);

	if (getsockopt(PRIVATE_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	    type == SOCK_SEQPACKET)
		work->boss = peer_open(work->loop, PRIVATE_FD, &handler, work);
}

void boss_tell_progress(struct work *work)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);
	char name[LINK_WORK_NAME_MAX];
	struct provider_connection_left left = provider_connection_left(work->connection);
	struct link_progress progress = {
		.sent = work->tally.fetched,
		.sent_bytes = work->tally.bytes + left.partly_bytes,
		.waiting = left.messages,
		.waiting_bytes = left.bytes > left.partly_bytes
					 ? left.bytes - left.partly_bytes
					 : 0,
		.used_bytes = meter_used(work),
		.refused = work->tally.refused,
		.link = span_of(work->meter.link.name),
		.doing = span_of(work->doing),
	};

	if (!work->boss || !work->pickup.name)
		return;
	progress.smarthost = span_of(link_pickup_label(work->pickup.name, name));
	link_progress_put(&packet, 0, &progress);
	peer_send(work->boss, &packet, -1);
}

void boss_tell_done(struct work *work, int exit_code, const char *text)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);

	if (!work->boss)
		return;
	boss_tell_progress(work);
	link_done_put(&packet, 0,
		      &(struct link_done){ (uint64_t)exit_code, span_of(text) });
	peer_send(work->boss, &packet, -1);
}
