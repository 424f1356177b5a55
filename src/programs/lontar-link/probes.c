#include "programs/lontar-link/probes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "control/linkfile.h"
#include "control/smarthost.h"
#include "ipc/link.h"
#include "link/call.h"

#define LOOK_AGAIN_S 60. /* for changed settings */
#define RETRY_MIN_S  15. /* while it is down, then twice that, ... */
#define BEGIN_S      .1  /* after our own start: hooks that wait speak first */
#define CALLED_S     2.  /* while it is being called */

/* A link with a probe. */
struct probe {
	struct probe *next;
	struct probes *probes;
	char link[SMARTHOST_NAME_MAX];
	char smarthost[SMARTHOST_NAME_MAX];
	bool has_interface;
	bool is_listed; /* in control/links, at this look */
	double every_s;
	struct peer *peer; /* NULL: none at work */
	int64_t began_ms;
	int64_t began; /* wall clock seconds */
	bool told;     /* how it ended */
	unsigned failures;
	ev_timer turn;
	ev_timer called; /* of a link with a dial command: it may be */
};

static void start(struct probe *probe);

static const struct link_note *note_of(const struct probe *probe)
{
	return links_find(probe->probes->events->links, probe->link);
}

/* By a hook that told it under this boot. */
static bool is_told(const struct probe *probe)
{
	const struct link_note *note = note_of(probe);
	char boot_id[CLOCK_TEXT_MAX];

	return !note->told[0] && note->since &&
	       strcmp(note->boot_id, clock_boot_id(boot_id)) == 0;
}

/* Who has dialled wants to know, whatever was said when it was hung up last. */
static bool is_called(const struct probe *probe)
{
	return link_is_called(probe->probes->root_fd, probe->link);
}

static bool makes_sense(const struct probe *probe)
{
	return probe->is_listed && (!is_told(probe) || is_called(probe)) &&
	       (!probe->has_interface ||
		interfaces_state(probe->probes->interfaces, probe->link) == INTERFACE_UP);
}

static void turn_in(struct probe *probe, double seconds)
{
	struct ev_loop *loop = probe->probes->service->loop;

	ev_timer_stop(loop, &probe->turn);
	ev_timer_set(&probe->turn, seconds, 0.);
	ev_timer_start(loop, &probe->turn);
}

static void plan(struct probe *probe)
{
	double wait = RETRY_MIN_S;

	for (unsigned i = 1; i < probe->failures && wait < probe->every_s; i++)
		wait *= 2;
	if (note_of(probe)->up || wait > probe->every_s)
		wait = probe->every_s;
	turn_in(probe, wait);
}

/* Mail goes, or went a moment ago: that says more than a probe. */
static bool mail_goes(const struct probe *probe, int64_t since_ms, int64_t since)
{
	const struct probes *probes = probe->probes;
	struct smarthost_note note;

	smarthost_note_read(probes->root_fd, probe->smarthost, &note);
	return note.last_success >= since ||
	       flushes_moved_ms(probes->events->flushes, probe->smarthost) >= since_ms;
}

static void say(const struct probe *probe, bool up)
{
	events_seen(probe->probes->events, &(struct link_news){ .name = probe->link,
								.up = up,
								.told = TOLD_BY_PROBE,
								.settings = { "", 0 } });
}

static void on_over(struct probe *probe, bool answered, const char *text)
{
	probe->told = true;
	if (!answered && note_of(probe)->up &&
	    mail_goes(probe, probe->began_ms, probe->began))
		answered = true;
	if (!answered && (!probe->failures || note_of(probe)->up))
		log_info("probe link=%s smarthost=%s reason=%s", probe->link,
			 probe->smarthost, text);
	probe->failures = answered ? 0 : probe->failures + 1;
	if (makes_sense(probe))
		say(probe, answered);
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct probe *probe = ctx;
	struct link_done done;
	char text[256];

	(void)peer;
	file_close(&fd);
	if (packet->type != LINK_DONE || probe->told || !link_done_get(packet, &done))
		return false;
	snprintf(text, sizeof(text), "%.*s", SPAN_ARG(done.text));
	on_over(probe, done.exit_code == EX_OK, text);
	return true;
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct probe *probe = ctx;

	(void)peer;
	probe->peer = NULL;
	if (!probe->told)
		on_over(probe, false, "the probe ended without a word");
	plan(probe);
}

static const struct peer_handler handler = { on_packet, on_closed };

static void start(struct probe *probe)
{
	struct service *service = probe->probes->service;
	struct err err;
	int pair[2];

	ev_timer_stop(service->loop, &probe->turn);
	if (!file_socketpair(pair, &err)) {
		log_failure(&err);
		plan(probe);
		return;
	}
	probe->began_ms = clock_monotonic_ms();
	probe->began = clock_wall_s();
	probe->told = false;
	probe->peer = peer_open(service->loop, pair[0], &handler, probe);
	service_start(service, "probe", probe->link, pair[1]);
}

static void on_turn(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct probe *probe = watcher->data;
	int64_t every_s = (int64_t)probe->every_s;

	(void)loop;
	(void)events;
	if (probe->peer || !makes_sense(probe))
		return;
	if (note_of(probe)->up && mail_goes(probe, clock_monotonic_ms() - every_s * 1000,
					    clock_wall_s() - every_s))
		plan(probe);
	else
		start(probe);
}

static void on_called(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct probe *probe = watcher->data;

	(void)loop;
	(void)events;
	if (!probe->peer && !note_of(probe)->up && is_called(probe) && makes_sense(probe))
		start(probe);
}

static struct probe *find_or_add(struct probes *probes, const char *link)
{
	struct probe *probe = probes->first;

	while (probe && strcmp(probe->link, link) != 0)
		probe = probe->next;
	if (probe)
		return probe;
	probe = must_alloc(sizeof(*probe));
	*probe = (struct probe){ .next = probes->first, .probes = probes };
	snprintf(probe->link, sizeof(probe->link), "%s", link);
	ev_timer_init(&probe->turn, on_turn, 0., 0.);
	ev_timer_init(&probe->called, on_called, CALLED_S, CALLED_S);
	probe->turn.data = probe->called.data = probe;
	probes->first = probe;
	return probe;
}

static void take_settings(struct probes *probes, const struct linkfile *file)
{
	struct probe *probe = find_or_add(probes, file->name);

	probe->is_listed = true;
	probe->has_interface = file->interface != NULL;
	snprintf(probe->smarthost, sizeof(probe->smarthost), "%s", file->probe);
	probe->every_s = (double)file->probe_every_s;
	if (!probe->peer && !ev_is_active(&probe->turn))
		turn_in(probe, BEGIN_S);
	if (file->dial)
		ev_timer_start(probes->service->loop, &probe->called);
	else
		ev_timer_stop(probes->service->loop, &probe->called);
}

void probes_reload(struct probes *probes)
{
	struct settings_list names;
	struct linkfile file;
	struct err err;

	if (!smarthost_names(probes->control_fd, "links", &names, &err)) {
		log_failure(&err);
		return;
	}
	for (struct probe *at = probes->first; at; at = at->next)
		at->is_listed = false;
	for (size_t i = 0; i < names.count; i++) {
		if (!linkfile_load(probes->control_fd, names.lines[i], &file, NULL, &err))
			continue;
		if (file.probe)
			take_settings(probes, &file);
		linkfile_clear(&file);
	}
	settings_list_clear(&names);
}

static void on_again(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	probes_reload(watcher->data);
}

void probes_start(struct probes *probes)
{
	ev_timer_init(&probes->again, on_again, 0., LOOK_AGAIN_S);
	probes->again.data = probes;
	ev_timer_start(probes->service->loop, &probes->again);
}

void probes_now(struct probes *probes, const char *link)
{
	struct probe *probe = find_or_add(probes, link);

	probe->failures = 0;
	if (!probe->peer)
		turn_in(probe, 0.);
}
