#include "programs/lontar-link/events.h"

#include "base/log.h"

#define IGNORED_MAX 1024
#define HELD_BACK   "its interface has no carrier or no address; up once it has"

bool events_heard(struct events *events, const struct link_news *news,
		  bool *held_back_out, struct buf *ignored_out, struct err *err)
{
	*held_back_out = events->on_hook(events->ctx, news);
	if (!*held_back_out)
		return links_set(events->links, news, ignored_out, err);
	log_info("link name=%s state=held-back reason=" HELD_BACK, news->name);
	(void)!buf_append_text(ignored_out, HELD_BACK);
	return true;
}

void events_act(struct events *events, const struct link_news *news)
{
	if (news->up) {
		flushes_link_up(events->flushes);
		pickups_link_up(events->pickups);
	} else {
		flushes_link_down(events->flushes);
		pickups_link_down(events->pickups);
	}
	events->on_change(events->ctx, news);
}

void events_seen(struct events *events, const struct link_news *news)
{
	AUTO_BUF ignored = BUF_INIT(IGNORED_MAX);
	struct err err;

	if (links_find(events->links, news->name)->up == news->up)
		return;
	if (links_set(events->links, news, &ignored, &err))
		events_act(events, news);
	else
		log_failure(&err);
}
