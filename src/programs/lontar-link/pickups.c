#include "programs/lontar-link/pickups.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "control/pickup.h"
#include "link/notes.h"

#define STOP_S      2.   /* a stopped pickup has so long, then its socket is closed */
#define RETRY_MIN_S 30.  /* a server that cannot be reached is tried again so soon, */
#define RETRY_MAX_S 900. /* and at last so seldom, while the link stays up */

/* A pickup that we have had to do with, and its turn. */
struct fetch {
	struct fetch *next;
	struct pickups *pickups;
	char name[SMARTHOST_NAME_MAX];
	struct peer *peer; /* NULL: none at work */
	struct use use;    /* of a link */
	bool stopping;
	bool ended;        /* it said how it ended; its lock goes with its socket */
	bool has_listed;   /* what arrives there from now on is not seen by this one */
	bool wanted;       /* another one after it, and who waits waits for that */
	bool failed;       /* the last one */
	unsigned failures; /* in a row, since the link came up */
	ev_timer again;
	ev_timer give_up;
};

static void start(struct fetch *fetch);

static bool is_served(const struct fetch *fetch)
{
	struct link_choice ignored;

	return link_choose(fetch->pickups->root_fd, fetch->pickups->control_fd,
			   LINK_FOR_PICKUP, fetch->name, clock_wall_s(), &ignored);
}

static void on_again(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct fetch *fetch = watcher->data;

	(void)loop;
	(void)events;
	if (!fetch->peer && is_served(fetch))
		start(fetch);
}

static void start_in(struct fetch *fetch, double seconds)
{
	struct ev_loop *loop = fetch->pickups->service->loop;

	ev_timer_stop(loop, &fetch->again);
	ev_timer_set(&fetch->again, seconds, 0.);
	ev_timer_start(loop, &fetch->again);
}

/* It has ended: when is its next turn, while the link stays up? Where a person must act,
 * trying on could lock the account. */
static void plan_next(struct fetch *fetch)
{
	struct pickups *pickups = fetch->pickups;
	struct pickup_note note;
	double wait;

	pickup_note_read(pickups->root_fd, fetch->name, &note);
	if (!is_served(fetch) || note.refused)
		return;
	wait = (double)pickup_every_s(pickups->control_fd, fetch->name);
	if (fetch->failed) {
		wait = RETRY_MIN_S;
		for (unsigned i = 1; i < fetch->failures && wait < RETRY_MAX_S; i++)
			wait *= 2;
		if (wait > RETRY_MAX_S)
			wait = RETRY_MAX_S;
	}
	if (wait > 0.)
		start_in(fetch, wait);
}

static const struct link_done stopped = { .exit_code = EX_TEMPFAIL,
					  .text = { "the link is down", 16 } };

static void tell_done(struct fetch *fetch, const struct link_done *done)
{
	const struct pickup_listener *listener = &fetch->pickups->listener;
	char label[LINK_WORK_NAME_MAX];

	listener->on_done(listener->ctx, link_pickup_label(fetch->name, label), done);
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct fetch *fetch = ctx;
	const struct pickup_listener *listener = &fetch->pickups->listener;
	struct link_progress progress;
	struct link_done done;

	(void)peer;
	file_close(&fd);
	if (packet->type == LINK_PROGRESS) {
		if (!link_progress_get(packet, &progress))
			return false;
		use_progress(fetch->pickups->accounts, &fetch->use, &progress);
		fetch->has_listed |= span_is(progress.doing, "fetching");
		listener->on_progress(listener->ctx, &progress);
		return true;
	}
	if (packet->type != LINK_DONE || !link_done_get(packet, &done))
		return false;
	fetch->ended = true;
	fetch->failed = done.exit_code != 0;
	fetch->failures = fetch->failed ? fetch->failures + 1 : 0;
	if (!fetch->wanted)
		tell_done(fetch, &done);
	return true;
}

static void forget_peer(struct fetch *fetch)
{
	ev_timer_stop(fetch->pickups->service->loop, &fetch->give_up);
	use_end(fetch->pickups->accounts, &fetch->use);
	fetch->peer = NULL;
	fetch->stopping = false;
	fetch->use.by_person = fetch->use.by_person && fetch->wanted;
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct fetch *fetch = ctx;
	struct link_done lost = { .exit_code = EX_TEMPFAIL,
				  .text = span_of("the pickup ended without a word") };

	(void)peer;
	forget_peer(fetch);
	if (!fetch->ended) {
		fetch->failed = true;
		fetch->failures++;
		if (!fetch->wanted)
			tell_done(fetch, &lost);
	}
	if (fetch->wanted)
		start(fetch);
	else
		plan_next(fetch);
}

static const struct peer_handler handler = { on_packet, on_closed };

static void start(struct fetch *fetch)
{
	struct pickups *pickups = fetch->pickups;
	struct err err;
	int pair[2];

	ev_timer_stop(pickups->service->loop, &fetch->again);
	fetch->wanted = fetch->ended = fetch->has_listed = false;
	if (!accounts_allow(pickups->accounts, &fetch->use, &err)) {
		fetch->use.by_person = false;
		tell_done(fetch, &(struct link_done){ EX_TEMPFAIL, span_of(err.text) });
		return;
	}
	if (!file_socketpair(pair, &err)) {
		log_failure(&err);
		start_in(fetch, RETRY_MIN_S);
		return;
	}
	fetch->peer = peer_open(pickups->service->loop, pair[0], &handler, fetch);
	fetch->use.peer = fetch->peer;
	service_start(pickups->service, "pickup", fetch->name, pair[1]);
	use_begin(pickups->accounts, &fetch->use);
}

static void stop(struct fetch *fetch, const char *why)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct ev_loop *loop = fetch->pickups->service->loop;

	ev_timer_stop(loop, &fetch->again);
	if (!fetch->peer || fetch->stopping)
		return;
	fetch->stopping = true;
	link_stop_put(&out, 0, &(struct link_stop){ span_of(why) });
	peer_send(fetch->peer, &out, -1);
	ev_timer_start(loop, &fetch->give_up);
}

static void on_use_stop(void *ctx, const char *why, bool moves)
{
	struct fetch *fetch = ctx;

	fetch->wanted = moves;
	stop(fetch, why);
}

static void on_give_up(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct fetch *fetch = watcher->data;

	(void)loop;
	(void)events;
	peer_close(fetch->peer);
	if (!fetch->ended && !fetch->wanted)
		tell_done(fetch,
			  &(struct link_done){
				  EX_TEMPFAIL,
				  span_of("told to stop, the pickup did not in time") });
	forget_peer(fetch);
	if (fetch->wanted)
		start(fetch);
}

static struct fetch *find_or_add(struct pickups *pickups, const char *name)
{
	struct fetch *fetch = pickups->first;

	while (fetch && strcmp(fetch->name, name) != 0)
		fetch = fetch->next;
	if (fetch)
		return fetch;
	fetch = must_alloc(sizeof(*fetch));
	fetch->pickups = pickups;
	snprintf(fetch->name, sizeof(fetch->name), "%s", name);
	fetch->use = (struct use){ .kind = LINK_FOR_PICKUP,
				   .name = fetch->name,
				   .stop = on_use_stop,
				   .ctx = fetch };
	ev_timer_init(&fetch->again, on_again, 0., 0.);
	ev_timer_init(&fetch->give_up, on_give_up, STOP_S, 0.);
	fetch->again.data = fetch->give_up.data = fetch;
	fetch->next = pickups->first;
	pickups->first = fetch;
	return fetch;
}

/* anew: what has arrived there by now is to be seen. */
static void start_or_join(struct fetch *fetch, bool anew)
{
	fetch->failures = 0;
	if (!fetch->peer)
		start(fetch);
	else
		fetch->wanted |=
			fetch->ended || fetch->stopping || (anew && fetch->has_listed);
}

void pickups_link_up(struct pickups *pickups)
{
	struct settings_list names;
	struct err err;

	if (!smarthost_names(pickups->control_fd, "pickups", &names, &err)) {
		log_failure(&err);
		return;
	}
	for (size_t i = 0; i < names.count; i++) {
		struct fetch *fetch = find_or_add(pickups, names.lines[i]);

		if (is_served(fetch))
			start_or_join(fetch, false);
	}
	settings_list_clear(&names);
}

void pickups_link_down(struct pickups *pickups)
{
	for (struct fetch *at = pickups->first; at; at = at->next) {
		if (at->peer ? !use_is_cut(pickups->accounts, &at->use) : is_served(at))
			continue;
		/* Who asked for the one after it hears now; the others by its end. */
		if (at->wanted && at->ended)
			tell_done(at, &stopped);
		at->wanted = false;
		stop(at, "the link is down");
	}
}

void pickups_force(struct pickups *pickups, const char *name, bool by_person)
{
	struct fetch *fetch = find_or_add(pickups, name);

	fetch->use.by_person |= by_person;
	start_or_join(fetch, true);
}

void pickups_asked(struct pickups *pickups, const char *name)
{
	struct fetch *fetch = find_or_add(pickups, name);

	if (is_served(fetch))
		start_or_join(fetch, true);
}
