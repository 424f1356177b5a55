/*
 * Whether any file in control/ may have changed, for a program that asks at every
 * recipient: the kernel is asked (inotify) instead of each file. Once a second the files
 * are to be looked at all the same, since a change by another host (NFS) is told to
 * nobody.
 */
#ifndef CONTROL_SETTINGS_WATCH_H
#define CONTROL_SETTINGS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct settings_watch {
	int fd; /* -1: nothing is known, so all is to be looked at */
	int64_t looked_ms;
};

/* Of control/ or a folder in it. Where the kernel cannot watch, fd is -1. Close with
 * settings_watch_close. */
void settings_watch_open(struct settings_watch *watch, int control_fd);
void settings_watch_close(struct settings_watch *watch);

/* Nothing has changed since the last call, and that was less than a second ago: what was
 * read then still holds. */
bool settings_watch_is_quiet(struct settings_watch *watch);

#endif
