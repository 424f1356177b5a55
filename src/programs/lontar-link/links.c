#include "programs/lontar-link/links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"
#include "ipc/packet.h"

#define MINUTE_S 60.

bool links_any_up(const struct links *links)
{
	for (size_t i = 0; i < links->count; i++)
		if (links->notes[i].up)
			return true;
	return false;
}

/* Adds the time since the last count, if a link was up in it. */
static void count_up(struct links *links)
{
	int64_t now_ms = clock_monotonic_ms();
	int64_t passed_s = (now_ms - links->counted_ms) / 1000;
	struct err err;

	if (!links_any_up(links)) {
		links->counted_ms = now_ms;
		return;
	}
	if (passed_s <= 0)
		return;
	links->counted_ms += passed_s * 1000;
	links->up_seconds += (uint64_t)passed_s;
	if (!link_up_seconds_write(links->root_fd, links->up_seconds, &err))
		log_failure(&err);
}

static void on_minute(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	count_up(watcher->data);
}

bool links_open(struct links *links, int root_fd, struct ev_loop *loop, struct err *err)
{
	*links = (struct links){ .root_fd = root_fd,
				 .up_seconds = link_up_seconds(root_fd),
				 .counted_ms = clock_monotonic_ms() };
	if (!link_notes(root_fd, &links->notes, &links->count, err))
		return false;
	ev_timer_init(&links->minute, on_minute, MINUTE_S, MINUTE_S);
	links->minute.data = links;
	ev_timer_start(loop, &links->minute);
	return true;
}

void links_close(struct links *links)
{
	count_up(links);
	free(links->notes);
}

static struct link_note *find_or_add(struct links *links, const char *name)
{
	struct link_note *note;

	for (size_t i = 0; i < links->count; i++)
		if (strcmp(links->notes[i].name, name) == 0)
			return &links->notes[i];
	links->notes = must_resize(links->notes, links->count + 1, sizeof(*links->notes));
	note = &links->notes[links->count++];
	*note = (struct link_note){ .up = false };
	snprintf(note->name, sizeof(note->name), "%s", name);
	return note;
}

static bool take_text(struct span key, struct span value, char *out, size_t room,
		      struct err *err)
{
	if (packet_text_copy(value, out, room))
		return true;
	return err_exit(err, EX_USAGE, "%.*s is too long", SPAN_ARG(key));
}

static bool take_setting(struct link_note *note, struct span key, struct span value,
			 struct buf *unknown, struct err *err)
{
	uint64_t counted;

	if (span_is(key, "interface"))
		return take_text(key, value, note->interface, sizeof(note->interface),
				 err);
	if (span_is(key, "local"))
		return take_text(key, value, note->local, sizeof(note->local), err);
	if (span_is(key, "remote"))
		return take_text(key, value, note->remote, sizeof(note->remote), err);
	if (span_is(key, "dns"))
		return take_text(key, value, note->dns, sizeof(note->dns), err);
	if (span_is(key, "speed_bps") || span_is(key, "bytes_sent") ||
	    span_is(key, "bytes_received") || span_is(key, "seconds")) {
		if (!number_parse(value, UINT64_MAX, &counted))
			return err_exit(err, EX_USAGE, "%.*s=%.*s is no number",
					SPAN_ARG(key), SPAN_ARG(value));
		if (span_is(key, "speed_bps"))
			note->speed_bps = counted;
		return true;
	}
	return buf_append_span(unknown, key) && buf_append_byte(unknown, '\n');
}

static bool take_settings(struct link_note *note, struct span settings,
			  struct buf *unknown, struct err *err)
{
	struct span line, key;

	while (span_cut(&settings, '\n', &line)) {
		if (!line.len)
			continue;
		if (!span_cut(&line, '=', &key) || !line.at)
			return err_exit(err, EX_USAGE, "%.*s is not key=value",
					SPAN_ARG(key));
		if (!take_setting(note, key, line, unknown, err))
			return false;
	}
	return true;
}

bool links_set(struct links *links, const char *name, bool up, struct span settings,
	       struct buf *unknown_out, struct err *err)
{
	struct link_note *note = find_or_add(links, name);
	struct link_note next = *note;

	count_up(links);
	/* A second up is a new call: what the first one knew of addresses is gone. */
	if (up) {
		next = (struct link_note){ .up = true,
					   .since = note->up ? note->since
							     : clock_wall_s() };
		memcpy(next.name, note->name, sizeof(next.name));
		clock_boot_id(next.boot_id);
	} else if (note->up) {
		next.up = false;
		next.since = clock_wall_s();
	}
	if (!take_settings(&next, settings, unknown_out, err) ||
	    !link_note_write(links->root_fd, &next, err))
		return false;
	*note = next;
	log_info("link name=%s state=%s %.*s", name, up ? "up" : "down",
		 SPAN_ARG(settings));
	return true;
}
