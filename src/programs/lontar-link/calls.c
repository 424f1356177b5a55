#include "programs/lontar-link/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "control/linkfile.h"
#include "control/smarthost.h"
#include "ipc/link.h"
#include "link/allowance.h"
#include "link/call.h"
#include "link/callwhen.h"
#include "programs/lontar-link/waiting.h"
#include "store/parked.h"

#define SOON_S        .3   /* a burst of mail is one look */
#define COST_SHARE    20   /* of our time one part in so many goes into looking */
#define LOOK_AGAIN_S  60   /* the clock or the settings may have been changed */
#define OTHERS_CALL_S 10   /* somebody else calls: is he done? */
#define RETRY_MIN_S   300  /* nobody was reached: the next call after so long, */
#define RETRY_MAX_S   7200 /* and at last so seldom */

/* A link that we have had to do with. */
struct dialled {
	struct dialled *next;
	struct calls *calls;
	char link[SMARTHOST_NAME_MAX];
	struct peer *peer; /* our call's; NULL: none at work */
	int64_t began;     /* wall clock seconds */
	bool reached;      /* the link came up in it */
	bool told;         /* how it ended */
	bool tidied;       /* the last one was to hang up what another had left */
};

static struct dialled *find_or_add(struct calls *calls, const char *link)
{
	struct dialled *dialled = calls->first;

	while (dialled && strcmp(dialled->link, link) != 0)
		dialled = dialled->next;
	if (dialled)
		return dialled;
	dialled = must_alloc(sizeof(*dialled));
	*dialled = (struct dialled){ .next = calls->first, .calls = calls };
	snprintf(dialled->link, sizeof(dialled->link), "%s", link);
	calls->first = dialled;
	return dialled;
}

static void write_note(const struct calls *calls, const char *link,
		       const struct call_note *note)
{
	struct err err;

	if (!call_note_write(calls->root_fd, link, note, &err))
		log_failure(&err);
}

/* Something was sent or fetched in it, whatever stays. */
static bool did_some_good(const struct dialled *dialled)
{
	const struct calls *calls = dialled->calls;
	struct parked_smarthosts all = { 0 };
	struct settings_list pickups = { 0 };
	struct err ignored;
	bool did = false;

	if (parked_smarthosts(calls->root_fd, &all, &ignored))
		for (size_t i = 0; i < all.count && !did; i++) {
			struct smarthost_note note;

			smarthost_note_read(calls->root_fd, all.names[i], &note);
			did = note.last_success >= dialled->began;
		}
	parked_smarthosts_clear(&all);
	if (smarthost_names(calls->control_fd, "pickups", &pickups, &ignored))
		for (size_t i = 0; i < pickups.count && !did; i++) {
			struct pickup_note note;

			pickup_note_read(calls->root_fd, pickups.lines[i], &note);
			did = note.last_success >= dialled->began;
		}
	settings_list_clear(&pickups);
	return did;
}

static void on_over(struct dialled *dialled, int exit_code, const char *text)
{
	struct calls *calls = dialled->calls;
	bool good = exit_code == EX_OK || (dialled->reached && did_some_good(dialled));
	struct call_note note;

	dialled->told = true;
	call_note_read(calls->root_fd, dialled->link, &note);
	note.ended = clock_wall_s();
	note.failures = good ? 0 : note.failures + 1;
	if (good)
		note.last = dialled->began;
	snprintf(note.last_error, sizeof(note.last_error), "%s", text);
	write_note(calls, dialled->link, &note);
	log_info("call link=%s exit=%d seconds=%lld%s%s", dialled->link, exit_code,
		 (long long)(note.ended - dialled->began), text[0] ? " reason=" : "",
		 text);
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct dialled *dialled = ctx;
	char text[sizeof(((struct call_note *)0)->last_error)];
	struct link_done done;

	(void)peer;
	file_close(&fd);
	if (packet->type != LINK_DONE || dialled->told || !link_done_get(packet, &done))
		return false;
	snprintf(text, sizeof(text), "%.*s", SPAN_ARG(done.text));
	on_over(dialled, (int)done.exit_code, text);
	return true;
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct dialled *dialled = ctx;

	(void)peer;
	dialled->peer = NULL;
	if (!dialled->told)
		on_over(dialled, EX_TEMPFAIL, "the call ended without a word");
	calls_look(dialled->calls);
}

static const struct peer_handler handler = { on_packet, on_closed };

static void call(struct dialled *dialled, const char *why)
{
	struct calls *calls = dialled->calls;
	struct err err;
	int pair[2];

	if (!file_socketpair(pair, &err)) {
		log_failure(&err);
		return;
	}
	log_info("call link=%s because=%s", dialled->link, why);
	dialled->began = clock_wall_s();
	dialled->reached = dialled->told = false;
	dialled->peer = peer_open(calls->service->loop, pair[0], &handler, dialled);
	service_start(calls->service, "call", dialled->link, pair[1]);
}

static int64_t retry_at(const struct call_note *note)
{
	int64_t wait = RETRY_MIN_S;

	if (!note->failures)
		return 0;
	for (uint64_t i = 1; i < note->failures && wait < RETRY_MAX_S; i++)
		wait *= 2;
	return note->ended + (wait < RETRY_MAX_S ? wait : RETRY_MAX_S);
}

/* What speaks against a call now: the verdict's time moves behind it. */
static void put_off(const struct calls *calls, const struct linkfile *file,
		    const struct call_note *note, int64_t now,
		    struct callwhen_verdict *verdict)
{
	int64_t retry = retry_at(note);
	struct allowance allowance;

	if (verdict->again == INT64_MAX)
		return;
	if (verdict->again < retry && retry - now <= RETRY_MAX_S) {
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

static void note_verdict(const struct calls *calls, const char *link,
			 const struct callwhen_verdict *verdict, struct call_note *note)
{
	int64_t next = verdict->again == INT64_MAX ? 0 : verdict->again;

	if (note->next == next && strcmp(note->why, verdict->why) == 0)
		return;
	note->next = next;
	snprintf(note->why, sizeof(note->why), "%s", verdict->why);
	write_note(calls, link, note);
}

/* Is it time? Returns when to look again. */
static int64_t judge(struct calls *calls, const struct linkfile *file,
		     const struct callwhen *callwhen, int64_t now)
{
	struct dialled *dialled = find_or_add(calls, file->name);
	struct waiting_place place = { .root_fd = calls->root_fd,
				       .control_fd = calls->control_fd };
	struct callwhen_verdict verdict;
	struct callwhen_facts facts = { .now = now };
	struct call_note note;

	place.uncertainwait_s = calls->settings->uncertainwait_s;
	call_note_read(calls->root_fd, file->name, &note);
	if (!note.last) {
		note.last = now;
		write_note(calls, file->name, &note);
	}
	facts.last = note.last;
	waiting_count(&place, file, &note, &facts);
	callwhen_decide(callwhen, &facts, &verdict);
	put_off(calls, file, &note, now, &verdict);
	note_verdict(calls, file->name, &verdict, &note);
	if (!verdict.call)
		return verdict.again;
	call(dialled, verdict.why);
	return INT64_MAX;
}

/* It pushes and fetches once more if it is up, and hangs up: at once, since an open line
 * costs; where that did not help, when the next call could be. */
static int64_t finish_left(struct dialled *dialled, int64_t now)
{
	struct call_note note;
	int64_t retry;

	call_note_read(dialled->calls->root_fd, dialled->link, &note);
	retry = retry_at(&note);
	if (dialled->tidied && retry > now && retry - now <= RETRY_MAX_S)
		return retry;
	call(dialled, "an earlier call was cut off");
	dialled->tidied = true;
	return INT64_MAX;
}

static int64_t look_at(struct calls *calls, const char *name, int64_t now)
{
	struct callwhen callwhen = { 0 };
	struct linkfile file;
	struct err err;
	int64_t again = INT64_MAX;

	if (find_or_add(calls, name)->peer)
		return again;
	if (link_call_was_left(calls->root_fd, name))
		return finish_left(find_or_add(calls, name), now);
	find_or_add(calls, name)->tidied = false;
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

void calls_start(struct calls *calls)
{
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
	struct dialled *dialled = find_or_add(calls, link);
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
	write_note(calls, link, &note);
}
