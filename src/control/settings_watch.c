#include "control/settings_watch.h"

#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define LOOK_EACH_MS 1000
#define CHANGES                                                                        \
	(IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | \
	 IN_DELETE_SELF | IN_MOVE_SELF)

void settings_watch_open(struct settings_watch *watch, int control_fd)
{
	char path[32];

	*watch = (struct settings_watch){ .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK) };
	/* By way of the descriptor: the folder may lie where this user cannot go. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", control_fd);
	if (watch->fd >= 0 && inotify_add_watch(watch->fd, path, CHANGES) < 0)
		file_close(&watch->fd);
}

void settings_watch_close(struct settings_watch *watch)
{
	file_close(&watch->fd);
}

bool settings_watch_is_quiet(struct settings_watch *watch)
{
	char events[4096];
	int64_t now_ms = clock_monotonic_ms();
	bool changed = watch->fd < 0;

	while (watch->fd >= 0 && read(watch->fd, events, sizeof(events)) > 0)
		changed = true;
	if (!changed && now_ms - watch->looked_ms < LOOK_EACH_MS)
		return true;
	watch->looked_ms = now_ms;
	return false;
}
