/* Which links are up, on disk and in memory, and how long any has been. */
#ifndef LONTAR_LINK_LINKS_H
#define LONTAR_LINK_LINKS_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "link/notes.h"

struct accounts; /* programs/lontar-link/accounts.h */

struct links {
	int root_fd;
	struct accounts *accounts; /* hear of every change; set before the first */
	struct link_note *notes;
	size_t count;
	uint64_t up_seconds; /* as of counted_ms */
	int64_t counted_ms;  /* monotonic */
	ev_timer minute;
};

/* Reads what is recorded: up only what was up under this boot. */
bool links_open(struct links *links, int root_fd, struct ev_loop *loop,
		struct err *err) MUST_USE;
void links_close(struct links *links);

struct link_news {
	const char *name;
	bool up;
	const char *told;     /* as in the link's note: by whom */
	const char *word;     /* what a hook called it; NULL: no hook says it */
	bool present;         /* the kernel has the interface that is told of */
	struct span settings; /* link/change.h */
};

/* Durable when it returns. */
bool links_set(struct links *links, const struct link_news *news, struct buf *ignored_out,
	       struct err *err) MUST_USE;

/* What is recorded; never seen: down since 0. Borrowed until the next links_set. */
const struct link_note *links_find(struct links *links, const char *name);

bool links_any_up(const struct links *links);

#endif
