/*
 * Hears that a file in control/links was written, added or removed, so that it takes hold
 * while its link is at work. Where the kernel cannot tell (a change by another host over
 * NFS), what is looked at each minute anyway has to do.
 */
#ifndef LONTAR_LINK_RELOAD_H
#define LONTAR_LINK_RELOAD_H

#include <ev.h>
#include <stdbool.h>

#include "control/settings_watch.h"

struct reload {
	struct ev_loop *loop;
	int control_fd;
	void *ctx;
	void (*on_change)(void *ctx);
	/* Its own */
	struct settings_watch watch;
	bool has_folder; /* control/links is watched, else control for it to be made */
	ev_io news;
	ev_timer quiet; /* an editor writes a file in several steps */
};

/* With the fields above filled in. */
void reload_start(struct reload *reload);

#endif
