#include "transfer/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/file.h"
#include "ipc/master.h"
#include "ipc/peer.h"
#include "mail/maildir.h"

#define VERB_MAX 16 /* the longest verb is "drop-silent" */
#define WHY_MAX  160

struct supervisor {
	struct peer *peer; /* NULL: there is none */
	const struct supervisor_handler *handler;
	void *ctx;
	bool is_done; /* the last word was said */
};

static bool on_stop(struct supervisor *supervisor, struct packet *packet)
{
	struct link_stop stop;
	char why[WHY_MAX];

	if (!supervisor->handler->on_stop || !link_stop_get(packet, &stop))
		return false;
	snprintf(why, sizeof(why), "%.*s", SPAN_ARG(stop.why));
	supervisor->handler->on_stop(supervisor->ctx, why);
	return true;
}

static bool on_allow(struct supervisor *supervisor, struct packet *packet)
{
	struct link_allow allow;

	if (!supervisor->handler->on_limit || !link_allow_get(packet, &allow))
		return false;
	supervisor->handler->on_limit(supervisor->ctx, allow.most_bytes,
				      allow.until > INT64_MAX ? INT64_MAX
							      : (int64_t)allow.until);
	return true;
}

static bool on_nudge(struct supervisor *supervisor, struct packet *packet)
{
	if (!supervisor->handler->on_wakeup || !packet_end(packet))
		return false;
	supervisor->handler->on_wakeup(supervisor->ctx);
	return true;
}

static void send_done(struct supervisor *supervisor, uint32_t tag,
		      const struct link_done *done)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);

	link_done_put(&packet, tag, done);
	peer_send(supervisor->peer, &packet, -1);
}

static bool on_act(struct supervisor *supervisor, struct packet *packet)
{
	char verb[VERB_MAX], id[MAILDIR_UNIQUE_MAX];
	struct err err = { 0 };
	struct link_act asked;

	if (!supervisor->handler->on_action || !link_act_get(packet, &asked) ||
	    !packet_text_copy(asked.verb, verb, sizeof(verb)) ||
	    !packet_text_copy(asked.id, id, sizeof(id)))
		return false;
	if (supervisor->handler->on_action(supervisor->ctx, verb, id, &err))
		err = (struct err){ 0 };
	send_done(
		supervisor, packet->tag,
		&(struct link_done){ (uint64_t)err_exit_code(&err), span_of(err.text) });
	return true;
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct supervisor *supervisor = ctx;

	(void)peer;
	file_close(&fd);
	if (supervisor->is_done)
		return true;
	switch (packet->type) {
	case LINK_STOP:
		return on_stop(supervisor, packet);
	case LINK_ALLOW:
		return on_allow(supervisor, packet);
	case LINK_NUDGE:
		return on_nudge(supervisor, packet);
	case LINK_ACT:
		return on_act(supervisor, packet);
	default:
		return false;
	}
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct supervisor *supervisor = ctx;

	(void)peer;
	supervisor->peer = NULL;
	if (supervisor->handler->on_stop && !supervisor->is_done)
		supervisor->handler->on_stop(supervisor->ctx, "it is no longer wanted");
}

static bool is_socket(int fd)
{
	int type;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_SEQPACKET;
}

struct supervisor *supervisor_open(struct ev_loop *loop,
				   const struct supervisor_handler *handler, void *ctx)
{
	static const struct peer_handler own = { on_packet, on_closed };
	struct supervisor *supervisor = must_alloc(sizeof(*supervisor));

	*supervisor = (struct supervisor){ .handler = handler, .ctx = ctx };
	if (is_socket(PRIVATE_FD))
		supervisor->peer = peer_open(loop, PRIVATE_FD, &own, supervisor);
	return supervisor;
}

bool supervisor_is_there(const struct supervisor *supervisor)
{
	return supervisor->peer != NULL;
}

void supervisor_progress(struct supervisor *supervisor,
			 const struct link_progress *progress)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);

	if (!supervisor->peer)
		return;
	link_progress_put(&packet, 0, progress);
	peer_send(supervisor->peer, &packet, -1);
}

void supervisor_idle(struct supervisor *supervisor)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);

	if (!supervisor->peer)
		return;
	packet_begin(&packet, LINK_IDLE, 0);
	peer_send(supervisor->peer, &packet, -1);
}

void supervisor_moved(struct supervisor *supervisor, const char *smarthost)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);

	if (!supervisor->peer)
		return;
	link_moved_put(&packet, 0, &(struct link_moved){ span_of(smarthost) });
	peer_send(supervisor->peer, &packet, -1);
}

void supervisor_done(struct supervisor *supervisor, int exit_code, const char *text)
{
	supervisor->is_done = true;
	if (supervisor->peer)
		send_done(supervisor, 0,
			  &(struct link_done){ (uint64_t)exit_code, span_of(text) });
}

void supervisor_close(struct supervisor *supervisor)
{
	if (!supervisor)
		return;
	peer_close(supervisor->peer);
	free(supervisor);
}
