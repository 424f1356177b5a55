#include "programs/lontar-link/links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "link/change.h"
#include "programs/lontar-link/accounts.h"

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

const struct link_note *links_find(struct links *links, const char *name)
{
	return find_or_add(links, name);
}

/* up: what became of it; a family that went leaves the link up while another is there. */
static void tell(const struct link_news *news, bool up)
{
	AUTO_BUF words = BUF_INIT(LOG_LINE_MAX);
	struct span settings = news->settings, line;
	bool is_renamed = news->word && strcmp(news->word, news->name) != 0;

	while (span_cut(&settings, '\n', &line))
		if (line.len && !buf_appendf(&words, " %.*s", SPAN_ARG(line)))
			break;
	log_info("link name=%s %s%s%s%s%s%s", news->name,
		 news->up ? "state=up"
		 : up     ? "stays=up"
			  : "state=down",
		 news->told[0] ? " by=" : "", news->told, is_renamed ? " word=" : "",
		 is_renamed ? news->word : "", words.data);
}

bool links_set(struct links *links, const struct link_news *news, struct buf *ignored_out,
	       struct err *err)
{
	struct link_note *note = find_or_add(links, news->name);
	struct link_note next = *note;
	struct link_call call;

	count_up(links);
	accounts_before(links->accounts, note);
	link_note_change(&next, news->up, news->settings, &call, ignored_out);
	snprintf(next.told, sizeof(next.told), "%s", news->told);
	if (news->word && news->up)
		snprintf(next.word, sizeof(next.word), "%s", news->word);
	if (news->up)
		next.present = news->present;
	if (!link_note_write(links->root_fd, &next, err))
		return false;
	*note = next;
	tell(news, note->up);
	accounts_after(links->accounts, note, &call);
	return true;
}
