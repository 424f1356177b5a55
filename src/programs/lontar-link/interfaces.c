#include "programs/lontar-link/interfaces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "control/linkfile.h"
#include "control/smarthost.h"

#define BURST_S        .02
#define SETTLE_MS      500
#define LOOK_AGAIN_S   60. /* for changed settings; and where the kernel tells nothing, */
#define LOOK_UNHEARD_S 5.
#define NAME_ROOM      32
#define FACTS_MAX      2048

struct watched {
	struct watched *next;
	char link[SMARTHOST_NAME_MAX];
	char interface[NAME_ROOM];
	char address[INTERFACE_ADDRESS_MAX];
	bool is_listed; /* in control/links, with this interface, at this look */
	bool is_known;  /* has been looked at */
	bool has_probe;
	enum interface_state state;
	int64_t lost_ms;  /* UP, and not usable since then; 0: it is */
	struct buf facts; /* of the last hook that said up, a line each */
};

static struct watched *find(const struct interfaces *interfaces, const char *link)
{
	for (struct watched *at = interfaces->first; at; at = at->next)
		if (strcmp(at->link, link) == 0)
			return at;
	return NULL;
}

/* What a hook told before we were started again, unless it was that the link is down. */
static void recall_facts(const struct interfaces *interfaces, struct watched *watched)
{
	const struct link_note *note =
		links_find(interfaces->events->links, watched->link);
	char boot_id[CLOCK_TEXT_MAX];

	if (strcmp(note->boot_id, clock_boot_id(boot_id)) != 0 ||
	    (!note->told[0] && !note->up))
		return;
	if (note->dns[0] && !buf_appendf(&watched->facts, "dns=%s\n", note->dns))
		return;
	if (note->speed_bps && !buf_appendf(&watched->facts, "speed_bps=%llu\n",
					    (unsigned long long)note->speed_bps))
		return;
}

static struct watched *find_or_add(struct interfaces *interfaces,
				   const struct linkfile *file)
{
	struct watched *watched = find(interfaces, file->name);

	if (watched && strcmp(watched->interface, file->interface) != 0) {
		watched->is_known = false;
		snprintf(watched->interface, sizeof(watched->interface), "%s",
			 file->interface);
	}
	if (watched)
		return watched;
	watched = must_alloc(sizeof(*watched));
	*watched = (struct watched){ .next = interfaces->first,
				     .facts = BUF_INIT(FACTS_MAX) };
	snprintf(watched->link, sizeof(watched->link), "%s", file->name);
	snprintf(watched->interface, sizeof(watched->interface), "%s", file->interface);
	recall_facts(interfaces, watched);
	interfaces->first = watched;
	return watched;
}

static void read_settings(struct interfaces *interfaces)
{
	struct settings_list names;
	struct linkfile file;
	struct err err;

	for (struct watched *at = interfaces->first; at; at = at->next)
		at->is_listed = false;
	if (!smarthost_names(interfaces->control_fd, "links", &names, &err)) {
		log_failure(&err);
		return;
	}
	for (size_t i = 0; i < names.count; i++) {
		/* What is wrong in it is told by `lontar check`. */
		if (!linkfile_load(interfaces->control_fd, names.lines[i], &file, NULL,
				   &err))
			continue;
		if (file.interface && strlen(file.interface) < NAME_ROOM) {
			struct watched *watched = find_or_add(interfaces, &file);

			watched->is_listed = true;
			watched->has_probe = file.probe != NULL;
		}
		linkfile_clear(&file);
	}
	settings_list_clear(&names);
}

static void rise(struct interfaces *interfaces, const struct watched *watched)
{
	AUTO_BUF settings = BUF_INIT(FACTS_MAX + 256);
	struct link_news news = { .name = watched->link,
				  .up = true,
				  .told = TOLD_BY_INTERFACE };

	if (watched->has_probe) {
		interfaces->on_probe(interfaces->ctx, watched->link);
		return;
	}
	if (!buf_append_span(&settings, buf_span(&watched->facts)) ||
	    !buf_appendf(&settings, "interface=%s\nlocal=%s\n", watched->interface,
			 watched->address))
		buf_reset(&settings);
	news.settings = buf_span(&settings);
	events_seen(interfaces->events, &news);
}

static void fall(struct interfaces *interfaces, const struct watched *watched)
{
	events_seen(interfaces->events, &(struct link_news){ .name = watched->link,
							     .told = TOLD_BY_INTERFACE,
							     .settings = { "", 0 } });
}

/* We have just been started, or told of the interface. What a hook said under this boot
 * is believed as far as it can be: a hook that tells also tells while we are away. */
static void begin(struct interfaces *interfaces, const struct watched *watched)
{
	const struct link_note *note =
		links_find(interfaces->events->links, watched->link);
	char boot_id[CLOCK_TEXT_MAX];
	bool by_hook = !note->told[0] && note->since &&
		       strcmp(note->boot_id, clock_boot_id(boot_id)) == 0;

	if (watched->state == INTERFACE_UP && !note->up && !by_hook)
		rise(interfaces, watched);
	if (watched->state == INTERFACE_DOWN ||
	    (watched->state == INTERFACE_ABSENT && !by_hook))
		fall(interfaces, watched);
}

static void look_at(struct interfaces *interfaces, struct watched *watched)
{
	char address[INTERFACE_ADDRESS_MAX];
	enum interface_state seen = interface_look(watched->interface, address);
	bool was_known = watched->is_known;

	if (seen == INTERFACE_UP)
		memcpy(watched->address, address, sizeof(address));
	if (was_known && watched->state == INTERFACE_UP && seen != INTERFACE_UP) {
		int64_t now_ms = clock_monotonic_ms();

		if (!watched->lost_ms)
			watched->lost_ms = now_ms;
		if (now_ms - watched->lost_ms < SETTLE_MS) {
			ev_timer_again(interfaces->loop, &interfaces->settle);
			return;
		}
	}
	watched->lost_ms = 0;
	watched->is_known = true;
	if (was_known && seen == watched->state)
		return;
	if (!was_known) {
		watched->state = seen;
		begin(interfaces, watched);
	} else if (seen == INTERFACE_UP) {
		watched->state = seen;
		rise(interfaces, watched);
	} else {
		bool fell = watched->state == INTERFACE_UP || seen == INTERFACE_DOWN;

		watched->state = seen;
		if (fell)
			fall(interfaces, watched);
	}
}

static void look(struct interfaces *interfaces)
{
	for (struct watched *at = interfaces->first; at; at = at->next)
		if (at->is_listed)
			look_at(interfaces, at);
}

static void on_soon(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)events;
	ev_timer_stop(loop, watcher);
	look(watcher->data);
}

void interfaces_reload(struct interfaces *interfaces)
{
	read_settings(interfaces);
	look(interfaces);
}

static void on_again(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	interfaces_reload(watcher->data);
}

static void on_news(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct interfaces *interfaces = watcher->data;

	(void)events;
	interface_heard(interfaces->fd);
	if (!ev_is_active(&interfaces->soon))
		ev_timer_again(loop, &interfaces->soon);
}

void interfaces_start(struct interfaces *interfaces)
{
	struct err err;
	double again_s = LOOK_AGAIN_S;

	interfaces->fd = interface_watch(&err);
	if (interfaces->fd < 0) {
		log_failure(&err);
		again_s = LOOK_UNHEARD_S;
	} else {
		ev_io_init(&interfaces->news, on_news, interfaces->fd, EV_READ);
		interfaces->news.data = interfaces;
		ev_io_start(interfaces->loop, &interfaces->news);
	}
	ev_timer_init(&interfaces->soon, on_soon, 0., BURST_S);
	ev_timer_init(&interfaces->settle, on_soon, 0., SETTLE_MS / 1000.);
	ev_timer_init(&interfaces->again, on_again, 0., again_s);
	interfaces->soon.data = interfaces->settle.data = interfaces->again.data =
		interfaces;
	/* From the loop, at once. */
	ev_timer_start(interfaces->loop, &interfaces->again);
}

bool interfaces_hook(struct interfaces *interfaces, const struct link_news *news)
{
	struct watched *watched = find(interfaces, news->name);
	char address[INTERFACE_ADDRESS_MAX];
	enum interface_state seen;

	if (!watched || !watched->is_listed)
		return false;
	buf_reset(&watched->facts);
	if (!news->up)
		return false;
	if (!buf_append_span(&watched->facts, news->settings))
		buf_reset(&watched->facts);
	seen = interface_look(watched->interface, address);
	if (seen == INTERFACE_UP) {
		/* Faster than the kernel's news: its loss must not go unnoticed. */
		watched->state = seen;
		watched->is_known = true;
		watched->lost_ms = 0;
		memcpy(watched->address, address, sizeof(address));
	}
	return seen == INTERFACE_DOWN;
}

enum interface_state interfaces_state(const struct interfaces *interfaces,
				      const char *link)
{
	const struct watched *watched = find(interfaces, link);

	return watched && watched->is_listed ? watched->state : INTERFACE_ABSENT;
}
