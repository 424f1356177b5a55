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
#define FACTS_MAX      2048

/* A link with an interface: its file names one, or a hook did. */
struct watched {
	struct watched *next;
	char link[SMARTHOST_NAME_MAX];
	char listed[LINKFILE_INTERFACE_MAX];    /* its file's; "": none */
	char interface[LINKFILE_INTERFACE_MAX]; /* that is looked at */
	char address[INTERFACE_ADDRESS_MAX];
	bool is_known; /* has been looked at */
	bool has_probe;
	enum interface_state state;
	int64_t lost_ms;  /* UP, and not usable since then; 0: it is */
	struct buf facts; /* of a hook's up that waits for the interface, a line each */
};

static struct watched *find(const struct interfaces *interfaces, const char *link)
{
	for (struct watched *at = interfaces->first; at; at = at->next)
		if (strcmp(at->link, link) == 0)
			return at;
	return NULL;
}

static struct watched *find_or_add(struct interfaces *interfaces, const char *link)
{
	struct watched *watched = find(interfaces, link);

	if (watched)
		return watched;
	watched = must_alloc(sizeof(*watched));
	*watched = (struct watched){ .next = interfaces->first,
				     .facts = BUF_INIT(FACTS_MAX) };
	snprintf(watched->link, sizeof(watched->link), "%s", link);
	interfaces->first = watched;
	return watched;
}

static const struct link_note *note_of(const struct interfaces *interfaces,
				       const struct watched *watched)
{
	return links_find(interfaces->events->links, watched->link);
}

static bool is_listed(const struct watched *watched)
{
	return watched->listed[0] && strcmp(watched->interface, watched->listed) == 0;
}

static bool is_told_by_hook(const struct link_note *note)
{
	char boot_id[CLOCK_TEXT_MAX];

	return !note->told[0] && note->since &&
	       strcmp(note->boot_id, clock_boot_id(boot_id)) == 0;
}

/* Where the link is, or was when the kernel took it down; else where its file has it. */
static const char *interface_of(const struct watched *watched,
				const struct link_note *note)
{
	bool fell = !watched->listed[0] && strcmp(note->told, TOLD_BY_INTERFACE) == 0;

	return note->interface[0] && (note->up || fell) ? note->interface : watched->listed;
}

static void read_settings(struct interfaces *interfaces)
{
	struct settings_list names;
	struct linkfile file;
	struct err err;

	for (struct watched *at = interfaces->first; at; at = at->next)
		at->listed[0] = '\0';
	if (!smarthost_names(interfaces->control_fd, "links", &names, &err)) {
		log_failure(&err);
		return;
	}
	for (size_t i = 0; i < names.count; i++) {
		/* What is wrong in it is told by `lontar check`. */
		if (!linkfile_load(interfaces->control_fd, names.lines[i], &file, NULL,
				   &err))
			continue;
		if (file.interface && strlen(file.interface) < LINKFILE_INTERFACE_MAX) {
			struct watched *watched = find_or_add(interfaces, file.name);

			snprintf(watched->listed, sizeof(watched->listed), "%s",
				 file.interface);
			watched->has_probe = file.probe != NULL;
		}
		linkfile_clear(&file);
	}
	settings_list_clear(&names);
}

/* Another link is meant by news of this interface; or, of one that no file names, it has
 * lost the address that its hook told of, so that it may lead elsewhere. */
static bool is_anothers(const struct interfaces *interfaces,
			const struct watched *watched)
{
	const struct link_word word = { "", watched->interface, "", true };
	struct link_entries entries;
	const struct link_entry *found;
	bool others;
	struct err err;

	if (!is_listed(watched) &&
	    !interface_has(watched->interface, note_of(interfaces, watched)->local))
		return true;
	if (!link_entries_read(interfaces->events->links->root_fd, interfaces->control_fd,
			       &entries, &err)) {
		log_failure(&err);
		return false;
	}
	found = link_identify(&entries, &word);
	others = found && strcmp(found->note.name, watched->link) != 0;
	link_entries_free(&entries);
	return others;
}

/* What a hook told of the call, unless a hook has ended it since. */
static bool put_facts(const struct interfaces *interfaces, const struct watched *watched,
		      struct buf *settings)
{
	const struct link_note *note = note_of(interfaces, watched);
	char boot_id[CLOCK_TEXT_MAX];

	if (watched->facts.len)
		return buf_append_span(settings, buf_span(&watched->facts));
	if (strcmp(note->boot_id, clock_boot_id(boot_id)) != 0 ||
	    (!note->told[0] && !note->up))
		return true;
	if (note->dns[0] && !buf_appendf(settings, "dns=%s\n", note->dns))
		return false;
	return !note->speed_bps || buf_appendf(settings, "speed_bps=%llu\n",
					       (unsigned long long)note->speed_bps);
}

static void rise(struct interfaces *interfaces, const struct watched *watched)
{
	AUTO_BUF settings = BUF_INIT(FACTS_MAX + 256);
	struct link_news news = { .name = watched->link,
				  .up = true,
				  .told = TOLD_BY_INTERFACE,
				  .present = true };

	if (is_anothers(interfaces, watched))
		return;
	if (watched->has_probe && is_listed(watched)) {
		interfaces->on_probe(interfaces->ctx, watched->link);
		return;
	}
	if (!put_facts(interfaces, watched, &settings) ||
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
	const struct link_note *note = note_of(interfaces, watched);
	bool by_hook = is_told_by_hook(note);

	if (watched->state == INTERFACE_UP && !note->up && !by_hook)
		rise(interfaces, watched);
	if ((watched->state == INTERFACE_DOWN && is_listed(watched)) ||
	    (watched->state == INTERFACE_ABSENT && (!by_hook || note->present)))
		fall(interfaces, watched);
}

/* A link is lost with its carrier or its address; one whose interface was not there, or
 * without them, when a hook told of it, once that has gone or, if its file names it, is
 * seen to be of no use. */
static bool is_loss(const struct watched *watched, enum interface_state seen)
{
	if (watched->state == INTERFACE_UP)
		return true;
	return is_listed(watched) ? seen == INTERFACE_DOWN : seen == INTERFACE_ABSENT;
}

static void look_at(struct interfaces *interfaces, struct watched *watched)
{
	char address[INTERFACE_ADDRESS_MAX];
	const char *at = interface_of(watched, note_of(interfaces, watched));
	enum interface_state seen = interface_look(at, address);
	bool was_known = watched->is_known && strcmp(watched->interface, at) == 0;

	snprintf(watched->interface, sizeof(watched->interface), "%s", at);
	watched->is_known = at[0] != '\0';
	if (!watched->is_known)
		return;

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
	if (was_known && seen == watched->state)
		return;
	if (!was_known) {
		watched->state = seen;
		begin(interfaces, watched);
	} else if (seen == INTERFACE_UP) {
		watched->state = seen;
		rise(interfaces, watched);
	} else {
		bool fell = is_loss(watched, seen);

		watched->state = seen;
		if (fell)
			fall(interfaces, watched);
	}
}

static void look(struct interfaces *interfaces)
{
	const struct links *links = interfaces->events->links;

	for (size_t i = 0; i < links->count; i++)
		if (links->notes[i].interface[0])
			(void)find_or_add(interfaces, links->notes[i].name);
	for (struct watched *at = interfaces->first; at; at = at->next)
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
	events_rehome(interfaces->events);
	read_settings(interfaces);
	look(interfaces);
}

static void on_again(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	interfaces_reload(watcher->data);
}

static void on_gone(void *ctx, const char *name)
{
	struct interfaces *interfaces = ctx;

	snprintf(interfaces->gone[interfaces->gone_count++ % INTERFACES_GONE_MAX],
		 INTERFACE_NAME_MAX, "%s", name);
}

static bool has_gone(const struct interfaces *interfaces, const char *name)
{
	for (size_t i = 0; i < INTERFACES_GONE_MAX; i++)
		if (strcmp(interfaces->gone[i], name) == 0)
			return true;
	return false;
}

static void hear(struct interfaces *interfaces)
{
	interface_heard(interfaces->fd, on_gone, interfaces);
	if (!ev_is_active(&interfaces->soon))
		ev_timer_again(interfaces->loop, &interfaces->soon);
}

static void on_news(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	hear(watcher->data);
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

enum heard_verdict interfaces_hook(struct interfaces *interfaces,
				   const struct heard *heard)
{
	struct watched *watched = find_or_add(interfaces, heard->link);
	const struct link_note *note = note_of(interfaces, watched);

	buf_reset(&watched->facts);
	if (!heard->up || !heard->interface[0])
		return HEARD_BELIEVED;
	/* What the kernel has said by now may not have been read yet. */
	if (interfaces->fd >= 0)
		hear(interfaces);
	if (heard->state == INTERFACE_ABSENT &&
	    (has_gone(interfaces, heard->interface) ||
	     (note->present && strcmp(note->interface, heard->interface) == 0)))
		return HEARD_GONE;
	if (heard->state != INTERFACE_DOWN ||
	    strcmp(watched->listed, heard->interface) != 0)
		return HEARD_BELIEVED;
	if (!buf_append_span(&watched->facts, heard->settings))
		buf_reset(&watched->facts);
	return HEARD_WAITS;
}

void interfaces_recorded(struct interfaces *interfaces, const struct heard *heard)
{
	struct watched *watched = find_or_add(interfaces, heard->link);
	const struct link_note *note = note_of(interfaces, watched);

	if (!heard->up || strcmp(interface_of(watched, note), heard->interface) != 0)
		return;
	/* Faster than the kernel's news: its loss must not go unnoticed. */
	snprintf(watched->interface, sizeof(watched->interface), "%s", heard->interface);
	watched->state = heard->state;
	watched->is_known = heard->interface[0] != '\0';
	watched->lost_ms = 0;
}

enum interface_state interfaces_state(const struct interfaces *interfaces,
				      const char *link)
{
	const struct watched *watched = find(interfaces, link);

	return watched && is_listed(watched) ? watched->state : INTERFACE_ABSENT;
}
