#include "programs/lontar-flush/flush.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "ipc/service.h"
#include "programs/lontar-flush/boss.h"
#include "programs/lontar-flush/destination.h"
#include "programs/lontar-flush/direct.h"
#include "programs/lontar-flush/fallback.h"
#include "programs/lontar-flush/hold.h"
#include "programs/lontar-flush/notice.h"
#include "programs/lontar-flush/outcome.h"

#define STAYS_MAX  700
#define LOCK_TRIES 50 /* a second */
#define PROGRESS_S .25
#define SYNC_S     1.
#define LOOK_S     .3
#define REST_S     .02 /* until the first thousand are on their way */
#define IDLE_S     2.  /* a burst's next message finds the connection open */
#define GRACE_S    1.2 /* of the two seconds in which a flush must be gone */

void flush_end(struct flush *flush)
{
	ev_break(flush->loop, EVBREAK_ALL);
}

void flush_blame(struct flush *flush, const struct err *err)
{
	if (flush->why.kind == ERR_NONE)
		flush->why = *err;
}

void flush_hold(struct flush *flush, const struct err *err)
{
	if (!flush->held)
		log_error("held smarthost=%s reason=%s", flush->smarthost.name,
			  err->text);
	flush->held = flush->stopping = true;
	flush->why = *err;
}

static void on_leave(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct flush *flush = watcher->data;

	(void)loop;
	(void)events;
	lanes_close(flush);
	flush_end(flush);
}

static void leave_after(struct flush *flush, double seconds)
{
	ev_timer_stop(flush->loop, &flush->leave);
	ev_timer_set(&flush->leave, seconds, 0.);
	ev_timer_start(flush->loop, &flush->leave);
}

void flush_stop(struct flush *flush, const char *why)
{
	struct err err = { 0 };
	bool busy;

	if (flush->stopping && !flush->held)
		return;
	flush->stopping = true;
	busy = lanes_unanswered(flush) ||
	       (flush->direct && direct_is_busy(flush->direct));
	if (queue_left(&flush->queue) || busy) {
		err_temporary(&err, "", "%s", why);
		flush_blame(flush, &err);
	}
	if (flush->direct)
		direct_stop(flush->direct, why);
	leave_after(flush, busy ? GRACE_S : 0.);
}

void flush_cut(struct flush *flush, const char *why)
{
	if (flush->cut)
		return;
	flush->cut = true;
	log_info("flush smarthost=%s cut reason=%s", flush->smarthost.name, why);
	flush_stop(flush, why);
}

static bool is_busy(void *ctx, const char *id)
{
	const struct flush *flush = ctx;

	return lanes_has(flush, id) || (flush->direct && direct_has(flush->direct, id)) ||
	       (flush->destination && !destination_has(flush->destination, id));
}

static bool is_direct(const struct flush *flush)
{
	return flush->smarthost.type == SMARTHOST_MX && !flush->destination;
}

/* Some domain of many always has mail that waits for its time: new mail for another must
 * not bring that forward. A link that came up does, and whoever asked for it. */
static bool is_all_due(const struct flush *flush)
{
	const struct link_note *link = &flush->lanes.link;

	return !is_direct(flush) || flush->alone || !link->name[0] ||
	       flush->note.last_try <= link->since;
}

/* The link came up, or somebody said now: what waits for its next attempt goes too, once
 * in this call. */
static struct order_rules rules_now(const struct flush *flush)
{
	return (struct order_rules){ .now = clock_wall_s(),
				     .call_began = flush->call_began,
				     .uncertainwait_s = flush->settings.uncertainwait_s,
				     .ignore_not_before = flush->all_due,
				     .but_tried = flush->listed,
				     .limits = meter_limits(flush) };
}

/* Of what would be due, something is too large or not urgent enough for this link, or
 * for what is left of it. */
static void note_limits(struct flush *flush)
{
	if (!flush->queue.kept)
		return;
	err_temporary(&flush->kept, "",
		      "%zu wait%s for another link, or for more time or a larger budget "
		      "of %s",
		      flush->queue.kept, flush->queue.kept == 1 ? "s" : "",
		      flush->lanes.link.name);
}

static bool load(struct flush *flush, struct err *err)
{
	struct order_rules rules = rules_now(flush);
	bool first = !flush->listed || flush->queue.partial;

	if (flush->direct)
		direct_prepare(flush->direct);
	if (!queue_load(&flush->queue, &rules, is_busy, flush, err))
		return false;
	flush->listed = true;
	note_limits(flush);
	if (flush->queue.partial)
		flush_look_again(flush);
	else if (first && queue_left(&flush->queue))
		log_info("flush smarthost=%s messages=%zu bytes=%" PRIu64,
			 flush->smarthost.name, queue_left(&flush->queue),
			 flush->queue.left_bytes);
	return true;
}

static void on_again(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct flush *flush = watcher->data;
	struct err err = { 0 };

	(void)loop;
	(void)events;
	if (flush->stopping)
		return;
	flush->look = false;
	if (!load(flush, &err)) {
		log_failure(&err);
		flush_blame(flush, &err);
	}
	if (flush->direct) {
		ev_timer_stop(flush->loop, &flush->leave);
		direct_take_list(flush->direct);
		return;
	}
	lanes_grow(flush);
	if (!lanes_connected(flush))
		return;
	if (queue_left(&flush->queue)) {
		ev_timer_stop(flush->loop, &flush->leave);
		flush->doing = "sending";
	}
	lanes_go_on(flush);
}

void flush_look_again(struct flush *flush)
{
	flush->look = true;
	if (ev_is_active(&flush->again))
		return;
	/* A long list takes its time: while there is something to send, news can wait. */
	ev_timer_set(&flush->again,
		     flush->queue.partial        ? REST_S
		     : queue_left(&flush->queue) ? LOOK_S
						 : 0.,
		     0.);
	ev_timer_start(flush->loop, &flush->again);
}

struct stay {
	size_t messages, held, uncertain;
};

static bool count_stay(void *ctx, const struct parked_name *name)
{
	struct stay *stay = ctx;

	stay->messages++;
	stay->held += name->state == PARKED_HELD;
	stay->uncertain += name->state == PARKED_UNCERTAIN;
	return true;
}

/* What is there now, whoever put it there; the first reason is told with it. */
static int what_stays(struct flush *flush, char *text, size_t room)
{
	const struct err *why = flush->why.kind == ERR_NONE ? &flush->kept : &flush->why;
	struct stay stay = { 0 };
	struct err err;

	if (!parked_each(flush->parked, count_stay, &stay, &err)) {
		snprintf(text, room, "%s", err.text);
		return EX_TEMPFAIL;
	}
	if (!stay.messages)
		return EX_OK;
	snprintf(text, room, "%s: %zu stay%s (%zu held, %zu uncertain)%s%s",
		 parked_smarthost(flush->parked), stay.messages,
		 stay.messages == 1 ? "s" : "", stay.held, stay.uncertain,
		 why->kind == ERR_NONE ? "" : ": ", why->text);
	return EX_TEMPFAIL;
}

static void write_note(struct flush *flush)
{
	struct err err = { 0 };

	/* What one of many hosts does is noted in its messages' names. */
	if (flush->direct ? !flush->stopping
			  : flush->connected && !flush->held && !flush->lost)
		flush->note.last_success = clock_wall_s();
	if (flush->connected)
		lanes_note(flush, &flush->note);
	snprintf(flush->note.last_error, sizeof(flush->note.last_error), "%s",
		 flush->why.text);
	if (!smarthost_note_write(flush->root_fd, parked_smarthost(flush->parked),
				  &flush->note, &err))
		log_failure(&err);
	hold_note(flush);
}

/* More may come soon: where a link is up that serves this smarthost, and nobody waits to
 * be told that mail stays. Without one somebody asked for this once. */
static bool may_idle(struct flush *flush)
{
	char text[STAYS_MAX];
	struct link_choice ignored;

	return !flush->stopping && !flush->alone && !flush->destination && flush->boss &&
	       what_stays(flush, text, sizeof(text)) == EX_OK &&
	       link_choose(flush->root_fd, flush->control_fd, LINK_FOR_SMARTHOST,
			   flush->smarthost.name, clock_wall_s(), &ignored);
}

void flush_drained(struct flush *flush)
{
	if (flush->look && !flush->stopping)
		return; /* on_again goes on */
	/* Something may have been parked since the last listing. One listing for what was
	 * tried meanwhile: what cannot be begun at all is not tried for ever. */
	if (!flush->stopping && flush->tally.deliveries != flush->listed_after) {
		flush->listed_after = flush->tally.deliveries;
		flush_look_again(flush);
		return;
	}
	outcome_suspended(flush, !flush->stopping);
	if (!may_idle(flush)) {
		leave_after(flush, 0.);
	} else if (!ev_is_active(&flush->leave)) {
		write_note(flush);
		flush->doing = "idle";
		boss_tell_progress(flush);
		boss_tell_idle(flush);
		leave_after(flush, IDLE_S);
	}
}

static void on_progress(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	meter_look(watcher->data);
	boss_tell_progress(watcher->data);
}

static void on_sync(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct flush *flush = watcher->data;
	struct err err = { 0 };

	(void)loop;
	(void)events;
	if (!queue_sync(&flush->queue, &err))
		log_failure(&err);
}

static void on_term(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)loop;
	(void)events;
	flush_stop(watcher->data, "told to stop");
}

static void watch(struct flush *flush)
{
	flush->loop = ev_default_loop(EVFLAG_AUTO);
	signal(SIGPIPE, SIG_IGN);
	ev_timer_init(&flush->progress, on_progress, PROGRESS_S, PROGRESS_S);
	ev_timer_init(&flush->sync, on_sync, SYNC_S, SYNC_S);
	ev_timer_init(&flush->again, on_again, 0., 0.);
	ev_timer_init(&flush->leave, on_leave, 0., 0.);
	ev_signal_init(&flush->term, on_term, SIGTERM);
	flush->progress.data = flush->sync.data = flush->again.data = flush->leave.data =
		flush->term.data = flush;
	ev_timer_start(flush->loop, &flush->progress);
	ev_timer_start(flush->loop, &flush->sync);
	ev_signal_start(flush->loop, &flush->term);
	/* What is being sent is called so, and the next flush finds it. */
	if (!flush->alone && !flush->is_destination)
		flush->master = service_tie(flush->loop);
	boss_open(flush);
}

/* Notices to senders may be under way, and are soon over. */
static bool lock(struct flush *flush, struct err *err)
{
	static const struct timespec pause = { .tv_nsec = 20000000 };

	for (int tries = LOCK_TRIES; !parked_lock(flush->parked, err); tries--) {
		if (!tries || err->exit_code != EX_TEMPFAIL)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static bool open_all(struct flush *flush, const char *name, struct err *err)
{
	flush->root_fd = file_open_dir(AT_FDCWD, ".", err);
	if (flush->root_fd < 0)
		return false;
	flush->control_fd = file_open_dir(flush->root_fd, "control", err);
	if (flush->control_fd < 0 ||
	    !settings_load(flush->control_fd, &flush->settings, err))
		return false;
	flush->parked = parked_open(flush->root_fd, name, false, err);
	if (!flush->parked)
		return false;
	flush->queue.parked = flush->parked;
	/* It is locked by who started us. */
	if (flush->is_destination)
		return rewrites_load(flush->control_fd, &flush->rewrites, err) &&
		       smarthost_load(flush->control_fd, &flush->settings, name,
				      &flush->smarthost, err) &&
		       destination_read(flush, err);
	if (!lock(flush, err))
		return false;
	flush->locked = true;
	smarthost_note_read(flush->root_fd, name, &flush->note);
	return reroute(flush, err) &&
	       rewrites_load(flush->control_fd, &flush->rewrites, err) &&
	       smarthost_load(flush->control_fd, &flush->settings, name,
			      &flush->smarthost, err);
}

static void choose_link(struct flush *flush)
{
	struct lanes *lanes = &flush->lanes;
	struct link_choice choice = { .up = false };
	char bind_to[LINK_BIND_MAX];

	/* Whether it is open was judged by who started us. */
	(void)link_choose(flush->root_fd, flush->control_fd, LINK_FOR_SMARTHOST,
			  flush->smarthost.name, clock_wall_s(), &choice);
	if (choice.up)
		lanes->link = choice.link;
	if (choice.up &&
	    link_bind_to(flush->control_fd, &choice.link, flush->smarthost.host, bind_to))
		memcpy(lanes->bind_to, bind_to, sizeof(bind_to));
	lanes_recall(flush);
	meter_begin(flush, &choice);
}

bool flush_begin(struct flush *flush, const char *name, struct err *err)
{
	struct order_rules rules;
	bool any;

	flush->call_began = clock_wall_s();
	flush->doing = "starting";
	watch(flush);
	if (!open_all(flush, name, err))
		return false;
	if (!flush->smarthost.host) /* type mx: in what is said of all of it */
		flush->smarthost.host = must_copy(name);
	choose_link(flush);
	if (!flush->is_destination && fallback_instead(flush)) {
		leave_after(flush, 0.);
		return true;
	}
	flush->all_due = is_all_due(flush);
	if (is_direct(flush))
		flush->direct = direct_new(flush);
	rules = rules_now(flush);
	if (!queue_has_any(&flush->queue, &rules, &any, err))
		return false;
	if (!any) {
		leave_after(flush, 0.);
		return load(flush, err);
	}
	flush->note.last_try = flush->call_began;
	/* Listed while the connection is made: of very many that takes a while. */
	flush_look_again(flush);
	if (flush->direct || lanes_start(flush, err))
		return true;
	if (err->kind == ERR_PERMANENT)
		flush_hold(flush, err);
	return false;
}

static void put_back(struct flush *flush)
{
	struct err err = { 0 };

	if (flush->direct)
		direct_end(flush->direct);
	lanes_close(flush);
	outcome_suspended(flush, false);
	if (!queue_give_back(&flush->queue, &err) || !queue_sync(&flush->queue, &err))
		log_failure(&err);
	queue_clear(&flush->queue);
}

int flush_finish(struct flush *flush, const struct err *err)
{
	char text[STAYS_MAX] = "";
	int exit_code;

	if (err->kind != ERR_NONE) {
		flush_blame(flush, err);
		log_failure(err);
	}
	if (flush->locked) {
		put_back(flush);
		if (flush->alone)
			notice_send_all(flush);
		if (err->kind != ERR_NONE)
			flush->note.last_try = flush->call_began;
		if (flush->note.last_try >= flush->call_began)
			write_note(flush);
		fallback_afterwards(flush);
		exit_code = what_stays(flush, text, sizeof(text));
		log_info("flush smarthost=%s sent=%" PRIu64 " bytes=%" PRIu64
			 " refused=%" PRIu64 " deferred=%" PRIu64 " exit=%d%s%s",
			 parked_smarthost(flush->parked), flush->tally.sent,
			 flush->tally.sent_bytes, flush->tally.refused,
			 flush->tally.deferred, exit_code,
			 flush->why.kind == ERR_NONE ? "" : " reason=", flush->why.text);
	} else if (flush->destination && err->kind == ERR_NONE) {
		put_back(flush);
		exit_code = !flush->connected ? DESTINATION_NOT_REACHED
			    : flush->lost     ? DESTINATION_LOST
					      : EX_OK;
		snprintf(text, sizeof(text), "%s", flush->why.text);
	} else {
		exit_code = err_exit_code(err);
		snprintf(text, sizeof(text), "%s", err->text);
	}
	boss_tell_done(flush, exit_code, text);
	direct_free(flush->direct);
	if (flush->loop)
		ev_run(flush->loop, EVRUN_NOWAIT);
	parked_close(flush->parked);
	destination_free(flush->destination);
	smarthost_clear(&flush->smarthost);
	rewrites_clear(&flush->rewrites);
	settings_clear(&flush->settings);
	return exit_code;
}
