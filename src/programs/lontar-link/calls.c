#include "programs/lontar-link/calls.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/linkfile.h"
#include "control/smarthost.h"
#include "link/allowance.h"
#include "link/call.h"
#include "link/callwhen.h"
#include "programs/lontar-link/waiting.h"

#define SOON_S        .3 /* a burst of mail is one look */
#define COST_SHARE    20 /* of our time one part in so many goes into looking */
#define LOOK_AGAIN_S  60 /* the clock or the settings may have been changed */
#define OTHERS_CALL_S 10 /* somebody else calls: is he done? */

/* What speaks against a call now: the verdict's time moves behind it. */
static void put_off(const struct calls *calls, const struct linkfile *file,
		    const struct call_note *note, int64_t now,
		    struct callwhen_verdict *verdict)
{
	int64_t retry = dialled_retry(note, now);
	struct allowance allowance;

	if (verdict->again == INT64_MAX)
		return;
	if (verdict->again < retry) {
		verdict->again = retry;
		snprintf(verdict->why, sizeof(verdict->why), "the last call failed");
	}
	link_allowance(calls->root_fd, file, now, &allowance);
	if (!allowance.open && allowance.again > verdict->again)
		verdict->again = allowance.again;
	if (!allowance.open && !allowance.again)
		verdict->again = INT64_MAX;
	if (!allowance.open)
		snprintf(verdict->why, sizeof(verdict->why), "%.*s",
			 (int)sizeof(verdict->why) - 1, allowance.why);
	verdict->call = verdict->again <= now;
}

static void note_verdict(const struct dialled *dialled,
			 const struct callwhen_verdict *verdict, struct call_note *note)
{
	int64_t next = verdict->again == INT64_MAX ? 0 : verdict->again;

	if (note->next == next && strcmp(note->why, verdict->why) == 0)
		return;
	note->next = next;
	snprintf(note->why, sizeof(note->why), "%s", verdict->why);
	dialled_note(dialled, note);
}

/* Is it time? Returns when to look again. */
static int64_t judge(struct calls *calls, const struct linkfile *file,
		     const struct callwhen *callwhen, int64_t now)
{
	struct dialled *dialled = dialled_of(&calls->dialler, file->name);
	struct waiting_place place = { .root_fd = calls->root_fd,
				       .control_fd = calls->control_fd };
	struct callwhen_verdict verdict;
	struct callwhen_facts facts = { .now = now };
	struct call_note note;

	place.uncertainwait_s = calls->settings->uncertainwait_s;
	call_note_read(calls->root_fd, file->name, &note);
	if (!note.last) {
		note.last = now;
		dialled_note(dialled, &note);
	}
	facts.last = note.last;
	waiting_count(&place, file, &note, &facts);
	callwhen_decide(callwhen, &facts, &verdict);
	put_off(calls, file, &note, now, &verdict);
	note_verdict(dialled, &verdict, &note);
	if (!verdict.call)
		return verdict.again;
	dialled_call(dialled, verdict.why);
	return INT64_MAX;
}

/* It pushes and fetches once more if it is up, and hangs up: at once, since an open line
 * costs; where that did not help, when the next call could be. */
static int64_t finish_left(struct dialled *dialled, int64_t now)
{
	struct call_note note;
	int64_t retry;

	call_note_read(dialled->dialler->root_fd, dialled->link, &note);
	retry = dialled_retry(&note, now);
	if (dialled->tidied && retry > now)
		return retry;
	dialled_call(dialled, "an earlier call was cut off");
	dialled->tidied = true;
	return INT64_MAX;
}

static int64_t look_at(struct calls *calls, const char *name, int64_t now)
{
	struct callwhen callwhen = { 0 };
	struct linkfile file;
	struct err err;
	struct dialled *dialled = dialled_of(&calls->dialler, name);
	int64_t again = INT64_MAX;

	if (dialled->peer)
		return again;
	if (link_call_was_left(calls->root_fd, name))
		return finish_left(dialled, now);
	dialled->tidied = false;
	/* What is wrong in it is told by `lontar check`. */
	if (!linkfile_load(calls->control_fd, name, &file, NULL, &err))
		return again;
	if (!file.dial || !callwhen_read(&file, &callwhen, &err) || !callwhen.count ||
	    links_find(calls->links, name)->up)
		again = INT64_MAX;
	else if (link_is_called(calls->root_fd, name))
		again = now + OTHERS_CALL_S;
	else
		again = judge(calls, &file, &callwhen, now);
	callwhen_clear(&callwhen);
	linkfile_clear(&file);
	return again;
}

static void look(struct calls *calls)
{
	struct ev_loop *loop = calls->service->loop;
	int64_t began_ms = clock_monotonic_ms(), now = clock_wall_s();
	int64_t next = now + LOOK_AGAIN_S;
	struct settings_list names;
	struct err err;
	double wait;

	if (!smarthost_names(calls->control_fd, "links", &names, &err)) {
		log_failure(&err);
		names = (struct settings_list){ 0 };
	}
	for (size_t i = 0; i < names.count; i++) {
		int64_t again = look_at(calls, names.lines[i], now);

		if (again < next)
			next = again > now ? again : now + 1;
	}
	settings_list_clear(&names);
	calls->cost_s = (double)(clock_monotonic_ms() - began_ms) / 1000.;
	wait = (double)(next - now);
	if (wait < calls->cost_s * COST_SHARE)
		wait = calls->cost_s * COST_SHARE;
	ev_timer_stop(loop, &calls->turn);
	ev_timer_set(&calls->turn, wait, 0.);
	ev_timer_start(loop, &calls->turn);
}

static void on_look(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	look(watcher->data);
}

static void on_over(void *ctx)
{
	calls_look(ctx);
}

void calls_start(struct calls *calls)
{
	calls->dialler = (struct dialler){ .service = calls->service,
					   .root_fd = calls->root_fd,
					   .control_fd = calls->control_fd,
					   .ctx = calls,
					   .on_over = on_over };
	ev_timer_init(&calls->soon, on_look, 0., 0.);
	ev_timer_init(&calls->turn, on_look, 0., 0.);
	calls->soon.data = calls->turn.data = calls;
	ev_timer_start(calls->service->loop, &calls->soon);
}

void calls_look(struct calls *calls)
{
	double wait = calls->cost_s * COST_SHARE;

	if (ev_is_active(&calls->soon))
		return;
	ev_timer_set(&calls->soon, wait > SOON_S ? wait : SOON_S, 0.);
	ev_timer_start(calls->service->loop, &calls->soon);
}

void calls_link_changed(struct calls *calls, const char *link, bool up)
{
	struct dialled *dialled = dialled_of(&calls->dialler, link);
	struct call_note note;

	if (dialled->peer) {
		dialled->reached |= up;
		return;
	}
	calls_look(calls);
	if (!up)
		return;
	/* Somebody else's call counts as one. */
	call_note_read(calls->root_fd, link, &note);
	if (!note.last)
		return;
	note.last = clock_wall_s();
	note.failures = 0;
	note.next = 0;
	note.why[0] = note.last_error[0] = '\0';
	dialled_note(dialled, &note);
}
