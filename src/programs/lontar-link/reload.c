#include "programs/lontar-link/reload.h"

#include <fcntl.h>

#include "base/file.h"

#define QUIET_S .3

static void watch(struct reload *reload);

static void on_quiet(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct reload *reload = watcher->data;

	(void)events;
	ev_timer_stop(loop, watcher);
	reload->on_change(reload->ctx);
}

/* The folder may have been made, or replaced by another: it is opened anew. */
static void on_news(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct reload *reload = watcher->data;

	(void)events;
	(void)!settings_watch_is_quiet(&reload->watch);
	ev_timer_again(loop, &reload->quiet);
	if (!reload->has_folder || faccessat(reload->control_fd, "links", F_OK, 0) != 0) {
		ev_io_stop(loop, watcher);
		settings_watch_close(&reload->watch);
		watch(reload);
	}
}

static void watch(struct reload *reload)
{
	AUTO_FD links_fd =
		openat(reload->control_fd, "links", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	reload->has_folder = links_fd >= 0;
	settings_watch_open(&reload->watch,
			    links_fd >= 0 ? links_fd : reload->control_fd);
	if (reload->watch.fd < 0)
		return;
	ev_io_init(&reload->news, on_news, reload->watch.fd, EV_READ);
	reload->news.data = reload;
	ev_io_start(reload->loop, &reload->news);
}

void reload_start(struct reload *reload)
{
	ev_timer_init(&reload->quiet, on_quiet, 0., QUIET_S);
	reload->quiet.data = reload;
	watch(reload);
}
