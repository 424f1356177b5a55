#include "programs/lontar-flush/boss.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/log.h"
#include "deliver/operator.h"
#include "ipc/channel.h"
#include "ipc/link.h"
#include "ipc/master.h"
#include "programs/lontar-flush/direct.h"

static void answer(struct peer *peer, uint32_t tag, const struct err *err)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);

	link_done_put(
		&packet, tag,
		&(struct link_done){ (uint64_t)err_exit_code(err), span_of(err->text) });
	peer_send(peer, &packet, -1);
}

struct wanted {
	const char *id;
	struct parked_name *name_out;
	bool found;
};

static bool is_wanted(void *ctx, const struct parked_name *name)
{
	struct wanted *wanted = ctx;

	wanted->found = strcmp(name->id, wanted->id) == 0;
	if (wanted->found)
		*wanted->name_out = *name;
	return !wanted->found;
}

static bool find(struct flush *flush, const char *id, struct parked_name *name_out,
		 struct err *err)
{
	struct wanted wanted = { id, name_out, false };

	return parked_each(flush->parked, is_wanted, &wanted, err) &&
	       (wanted.found ||
		err_exit(err, EX_NOINPUT, "no message %s is parked for %s", id,
			 flush->smarthost.name));
}

static bool is_with_direct(const struct flush *flush, const char *id)
{
	direct_prepare(flush->direct);
	return direct_has(flush->direct, id);
}

/* Everything that is listed anew afterwards; what is at work says so itself, by the name
 * of its file or by being in the session. */
static bool act(struct flush *flush, const char *verb, const char *id, struct err *err)
{
	struct parked_name name;
	uint64_t gone;

	if (lanes_has(flush, id) || (flush->direct && is_with_direct(flush, id)))
		return err_exit(err, EX_TEMPFAIL, "%s is being sent just now: try again",
				id);
	/* What is only marked ahead is not begun: it can still be stopped. */
	if (queue_has_marked(&flush->queue, id) && !queue_give_back(&flush->queue, err))
		return false;
	if (!find(flush, id, &name, err) ||
	    !operator_apply(flush->root_fd, flush->parked, &name, verb, &gone, err))
		return false;
	if (gone)
		log_info("end msg %" PRIu64, gone);
	log_info("act verb=%s smarthost=%s id=%s", verb, flush->smarthost.name, id);
	flush_look_again(flush);
	return true;
}

static bool on_act(struct flush *flush, struct peer *peer, struct packet *packet)
{
	char verb[16], id[MAILDIR_UNIQUE_MAX];
	struct err err = { 0 };
	struct link_act asked;

	if (!link_act_get(packet, &asked) ||
	    !packet_text_copy(asked.verb, verb, sizeof(verb)) ||
	    !packet_text_copy(asked.id, id, sizeof(id)))
		return false;
	if (act(flush, verb, id, &err))
		err = (struct err){ 0 };
	answer(peer, packet->tag, &err);
	return true;
}

static bool on_stop(struct flush *flush, struct packet *packet)
{
	struct link_stop stop;
	char why[160];

	if (!link_stop_get(packet, &stop))
		return false;
	snprintf(why, sizeof(why), "%.*s", SPAN_ARG(stop.why));
	flush_stop(flush, why);
	return true;
}

static bool on_allow(struct flush *flush, struct packet *packet)
{
	struct link_allow allow;

	if (!link_allow_get(packet, &allow))
		return false;
	meter_allow(flush, allow.most_bytes,
		    allow.until > INT64_MAX ? INT64_MAX : (int64_t)allow.until);
	return true;
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct flush *flush = ctx;

	file_close(&fd);
	switch (packet->type) {
	case LINK_ACT:
		return on_act(flush, peer, packet);
	case LINK_NUDGE:
		flush_look_again(flush);
		return true;
	case LINK_STOP:
		return on_stop(flush, packet);
	case LINK_ALLOW:
		return on_allow(flush, packet);
	default:
		return false;
	}
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct flush *flush = ctx;

	(void)peer;
	flush->boss = NULL;
	flush_stop(flush, "nobody wants it any more");
}

static const struct peer_handler handler = { on_packet, on_closed };

void boss_open(struct flush *flush)
{
	int type;
	socklen_t len = sizeof(type);

	if (getsockopt(PRIVATE_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	    type == SOCK_SEQPACKET)
		flush->boss = peer_open(flush->loop, PRIVATE_FD, &handler, flush);
}

void boss_tell_progress(struct flush *flush)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);
	size_t begun = lanes_unanswered(flush);
	uint64_t out = lanes_bytes_out(flush);
	struct link_progress progress = {
		.sent = flush->tally.sent,
		.sent_bytes = flush->tally.sent_bytes + out,
		.waiting = queue_left(&flush->queue) + begun,
		.waiting_bytes = flush->queue.left_bytes,
		.used_bytes = meter_used(flush),
		.refused = flush->tally.refused,
		.deferred = flush->tally.deferred,
		.smarthost = span_of(flush->smarthost.name),
		.link = span_of(flush->lanes.link.name),
		.doing = span_of(flush->doing),
	};

	if (!flush->boss)
		return;
	if (flush->direct)
		direct_add_progress(flush->direct, &progress);
	link_progress_put(&packet, 0, &progress);
	peer_send(flush->boss, &packet, -1);
}

void boss_tell_idle(struct flush *flush)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);

	if (!flush->boss)
		return;
	packet_begin(&packet, LINK_IDLE, 0);
	peer_send(flush->boss, &packet, -1);
}

void boss_tell_moved(struct flush *flush, const char *smarthost)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);

	if (!flush->boss)
		return;
	link_moved_put(&packet, 0, &(struct link_moved){ span_of(smarthost) });
	peer_send(flush->boss, &packet, -1);
}

void boss_tell_done(struct flush *flush, int exit_code, const char *text)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);

	if (!flush->boss)
		return;
	if (flush->smarthost.name)
		boss_tell_progress(flush);
	link_done_put(&packet, 0,
		      &(struct link_done){ (uint64_t)exit_code, span_of(text) });
	peer_send(flush->boss, &packet, -1);
}
