#include "programs/lontar-link/flushes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "control/smarthost.h"
#include "link/fallback.h"
#include "link/notes.h"
#include "link/stops.h"
#include "programs/lontar-link/look.h"
#include "programs/lontar-link/turn.h"
#include "store/parked.h"

#define STOP_S  2.  /* a stopped flush has so long, then its socket is closed */
#define AGAIN_S 30. /* a flush that could not be started is tried again so soon */

/* A smarthost that we have had to do with: its flush, if one is at work, and its turn. */
struct flush {
	struct flush *next;
	struct flushes *flushes;
	char smarthost[SMARTHOST_NAME_MAX];
	struct peer *peer; /* NULL: none at work */
	struct use use;    /* of a link */
	bool queued;       /* waits until fewer are at work */
	bool stopping;
	bool ended;        /* it said how it ended; its lock goes with its socket */
	uint64_t sent;     /* messages, as it told last, */
	int64_t moved_ms;  /* and when there was one more */
	bool wanted;       /* another one after it, which has been told to end */
	unsigned failures; /* in a row, since the link came up */
	ev_timer retry;
	ev_timer give_up;
	uint32_t acts[8]; /* tags of acts it has not answered */
	size_t act_count;
};

static void start(struct flush *flush);

static unsigned count_at_work(const struct flushes *flushes)
{
	unsigned count = 0;

	for (const struct flush *at = flushes->first; at; at = at->next)
		count += at->peer != NULL;
	return count;
}

static struct turn turn_of(const struct flush *flush)
{
	const struct flushes *flushes = flush->flushes;

	return (struct turn){ .root_fd = flushes->root_fd,
			      .control_fd = flushes->control_fd,
			      .settings = &flushes->settings,
			      .smarthost = flush->smarthost,
			      .failures = flush->failures,
			      .has_sent = flush->sent > 0 };
}

static bool may_go(const struct flush *flush)
{
	const struct turn turn = turn_of(flush);

	return turn_may_go(&turn);
}

static void retry_in(struct flush *flush, double seconds)
{
	struct ev_loop *loop = flush->flushes->service->loop;

	ev_timer_stop(loop, &flush->retry);
	if (seconds == TURN_NEVER)
		return;
	ev_timer_set(&flush->retry, seconds, 0.);
	ev_timer_start(loop, &flush->retry);
}

/* It has ended. When is the next turn of the mail that is left? */
static void plan_retry(struct flush *flush)
{
	const struct turn turn = turn_of(flush);

	retry_in(flush, turn_after(&turn));
}

/* If a link serves it, something has stopped it: may it go now, or when? */
static void start_if_it_may(struct flush *flush)
{
	const struct turn turn = turn_of(flush);

	if (turn_may_go(&turn))
		start(flush);
	else
		retry_in(flush, turn_of_stop(&turn));
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct flush *flush = watcher->data;

	(void)loop;
	(void)events;
	if (!flush->peer)
		start_if_it_may(flush);
}

static void start_queued(struct flushes *flushes)
{
	for (struct flush *at = flushes->first; at; at = at->next)
		if (at->queued && !at->peer)
			start(at);
}

static void forget_peer(struct flush *flush)
{
	struct flushes *flushes = flush->flushes;

	ev_timer_stop(flushes->service->loop, &flush->give_up);
	use_end(flushes->accounts, &flush->use);
	flush->peer = NULL;
	flush->stopping = flush->ended = false;
	flush->use.by_person = flush->use.by_person && flush->wanted;
	for (size_t i = 0; i < flush->act_count; i++)
		flushes->listener.on_acted(flushes->listener.ctx, flush->acts[i], NULL);
	flush->act_count = 0;
	start_queued(flushes);
}

static bool went_well(const struct flush *flush)
{
	struct smarthost_note note;

	smarthost_note_read(flush->flushes->root_fd, flush->smarthost, &note);
	return note.last_success >= note.last_try;
}

static void on_done(struct flush *flush, const struct link_done *done)
{
	struct flushes *flushes = flush->flushes;

	/* Mail that a person holds, or that was told to wait, is no failure of the
	 * smarthost; nor is a link that went down. */
	if (!flush->stopping)
		flush->failures = done->exit_code == 0 || went_well(flush)
					  ? 0
					  : flush->failures + 1;
	flushes->listener.on_done(flushes->listener.ctx, flush->smarthost, done);
}

static bool on_link_done(struct flush *flush, struct packet *packet)
{
	uint32_t tag = packet->tag;
	struct link_done done;

	if (!link_done_get(packet, &done))
		return false;
	if (tag == 0) {
		flush->ended = true;
		on_done(flush, &done);
		return true;
	}
	for (size_t i = 0; i < flush->act_count; i++) {
		if (flush->acts[i] != tag)
			continue;
		flush->acts[i] = flush->acts[--flush->act_count];
		flush->flushes->listener.on_acted(flush->flushes->listener.ctx, tag,
						  &done);
		return true;
	}
	return true;
}

static bool on_link_moved(struct flush *flush, struct packet *packet)
{
	struct flushes *flushes = flush->flushes;
	char target[SMARTHOST_NAME_MAX];
	struct link_moved moved;

	if (!link_moved_get(packet, &moved) ||
	    !packet_text_copy(moved.smarthost, target, sizeof(target)) ||
	    !smarthost_name_is_valid(target))
		return false;
	flushes_parked(flushes, target);
	flushes->listener.on_moved(flushes->listener.ctx, flush->smarthost, target);
	return true;
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct flush *flush = ctx;
	struct link_progress progress;
	struct link_done idle = { .exit_code = EX_OK };

	(void)peer;
	file_close(&fd);
	switch (packet->type) {
	case LINK_PROGRESS:
		if (!link_progress_get(packet, &progress))
			return false;
		use_progress(flush->flushes->accounts, &flush->use, &progress);
		if (progress.sent > flush->sent)
			flush->moved_ms = clock_monotonic_ms();
		flush->sent = progress.sent;
		flush->flushes->listener.on_progress(flush->flushes->listener.ctx,
						     &progress);
		return true;
	case LINK_IDLE:
		on_done(flush, &idle);
		return true;
	case LINK_MOVED:
		return on_link_moved(flush, packet);
	case LINK_DONE:
		return on_link_done(flush, packet);
	default:
		return false;
	}
}

/* Whoever still waits for it hears now; who was told before is not told twice. */
static void tell_lost(const struct flush *flush, const char *text)
{
	struct link_done lost = { .exit_code = EX_TEMPFAIL, .text = span_of(text) };

	flush->flushes->listener.on_done(flush->flushes->listener.ctx, flush->smarthost,
					 &lost);
}

static void tell_stops(const struct flush *flush)
{
	const struct flushes *flushes = flush->flushes;
	struct stops stops;

	stops_read(flushes->root_fd, flush->smarthost, &stops);
	if (stops.count && flushes->on_stops)
		flushes->on_stops(flushes->ctx);
	stops_clear(&stops);
}

static void go_on_without(struct flush *flush, const char *why)
{
	forget_peer(flush);
	tell_stops(flush);
	if (flush->wanted) {
		flush->wanted = false;
		start(flush);
		return;
	}
	tell_lost(flush, why);
	plan_retry(flush);
}

static void on_closed(void *ctx, struct peer *peer)
{
	(void)peer;
	go_on_without(ctx, "the flush ended without a word");
}

static const struct peer_handler handler = { on_packet, on_closed };

static void start(struct flush *flush)
{
	const struct turn turn = turn_of(flush);
	struct flushes *flushes = flush->flushes;
	struct err err;
	int pair[2];

	ev_timer_stop(flushes->service->loop, &flush->retry);
	flush->queued = count_at_work(flushes) >= flushes->settings.concurrencyremote;
	if (flush->queued)
		return;
	if (!turn_is_moved(&turn) &&
	    !accounts_allow(flushes->accounts, &flush->use, &err)) {
		flush->use.by_person = false;
		tell_lost(flush, err.text);
		return;
	}
	if (!file_socketpair(pair, &err)) {
		log_failure(&err);
		retry_in(flush, AGAIN_S);
		return;
	}
	flush->peer = peer_open(flushes->service->loop, pair[0], &handler, flush);
	flush->use.peer = flush->peer;
	service_start(flushes->service, "flush", flush->smarthost, pair[1]);
	use_begin(flushes->accounts, &flush->use);
}

static void nudge(struct flush *flush)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	packet_begin(&out, LINK_NUDGE, 0);
	peer_send(flush->peer, &out, -1);
}

static void stop(struct flush *flush, const char *why)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct ev_loop *loop = flush->flushes->service->loop;

	ev_timer_stop(loop, &flush->retry);
	if (!flush->peer || flush->stopping)
		return;
	flush->stopping = true;
	link_stop_put(&out, 0, &(struct link_stop){ span_of(why) });
	peer_send(flush->peer, &out, -1);
	ev_timer_start(loop, &flush->give_up);
}

static void on_use_stop(void *ctx, const char *why, bool moves)
{
	struct flush *flush = ctx;

	flush->wanted = moves;
	stop(flush, why);
}

static void on_give_up(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct flush *flush = watcher->data;

	(void)loop;
	(void)events;
	peer_close(flush->peer);
	go_on_without(flush, "told to stop, the flush did not in time");
}

static struct flush *find_or_add(struct flushes *flushes, const char *smarthost)
{
	struct flush *flush = flushes->first;

	while (flush && strcmp(flush->smarthost, smarthost) != 0)
		flush = flush->next;
	if (flush)
		return flush;
	flush = must_alloc(sizeof(*flush));
	flush->flushes = flushes;
	snprintf(flush->smarthost, sizeof(flush->smarthost), "%s", smarthost);
	flush->use = (struct use){ .kind = LINK_FOR_SMARTHOST,
				   .name = flush->smarthost,
				   .stop = on_use_stop,
				   .ctx = flush };
	ev_timer_init(&flush->retry, on_retry, 0., 0.);
	ev_timer_init(&flush->give_up, on_give_up, STOP_S, 0.);
	flush->retry.data = flush->give_up.data = flush;
	flush->next = flushes->first;
	flushes->first = flush;
	return flush;
}

bool flushes_open(struct flushes *flushes, struct err *err)
{
	return settings_load(flushes->control_fd, &flushes->settings, err);
}

static void start_or_nudge(struct flush *flush)
{
	if (!flush->peer)
		start(flush);
	else if (flush->ended || flush->stopping)
		flush->wanted = true;
	else
		nudge(flush);
}

void flushes_parked(struct flushes *flushes, const char *smarthost)
{
	struct flush *flush;

	/* parked/local is lontar-dispatch's. */
	if (!smarthost_name_is_valid(smarthost))
		return;
	flush = find_or_add(flushes, smarthost);
	/* After a failure the next try has its time; new mail does not hurry it. */
	if (flush->peer)
		nudge(flush);
	else if (!flush->failures || !ev_is_active(&flush->retry))
		start_if_it_may(flush);
}

void flushes_link_up(struct flushes *flushes)
{
	struct parked_smarthosts all;
	struct err err;

	if (!settings_refresh(flushes->control_fd, &flushes->settings, NULL, &err) ||
	    !parked_smarthosts(flushes->root_fd, &all, &err)) {
		log_failure(&err);
		return;
	}
	for (size_t i = 0; i < all.count; i++) {
		struct flush *flush;

		if (!has_mail(flushes->root_fd, all.names[i], false))
			continue;
		flush = find_or_add(flushes, all.names[i]);
		flush->failures = 0;
		if (!flush->peer)
			start_if_it_may(flush);
		else if (may_go(flush))
			start_or_nudge(flush);
	}
	parked_smarthosts_clear(&all);
}

void flushes_link_down(struct flushes *flushes)
{
	for (struct flush *at = flushes->first; at; at = at->next) {
		const struct turn turn = turn_of(at);
		struct link_choice ignored;

		if (at->peer ? !use_is_cut(flushes->accounts, &at->use)
			     : turn_is_served(&turn, &ignored))
			continue;
		at->wanted = false;
		if (at->queued)
			tell_lost(at, "the link went down before its turn came");
		at->queued = false;
		stop(at, "the link is down");
		if (!at->peer)
			plan_retry(at); /* it may have a fallback */
	}
}

void flushes_force(struct flushes *flushes, const char *smarthost, bool by_person)
{
	struct flush *flush = find_or_add(flushes, smarthost);
	struct err err;

	flush->failures = 0;
	flush->use.by_person |= by_person;
	if (by_person && !flush->peer &&
	    !fallback_forgive(flushes->root_fd, smarthost, &err))
		log_failure(&err);
	start_or_nudge(flush);
}

int64_t flushes_moved_ms(const struct flushes *flushes, const char *smarthost)
{
	for (const struct flush *at = flushes->first; at; at = at->next)
		if (strcmp(at->smarthost, smarthost) == 0)
			return at->moved_ms;
	return 0;
}

bool flushes_act(struct flushes *flushes, uint32_t tag, const char *smarthost,
		 const char *verb, const char *id)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct flush *flush = find_or_add(flushes, smarthost);

	if (!flush->peer || flush->act_count == LENGTH(flush->acts))
		return false;
	flush->acts[flush->act_count++] = tag;
	link_act_put(
		&out, tag,
		&(struct link_act){ span_of(smarthost), span_of(verb), span_of(id) });
	peer_send(flush->peer, &out, -1);
	return true;
}
