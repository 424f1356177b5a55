/*
 * When a link may be used: its windows (control/link_terms.h) against a local clock. A
 * window is open as long as the clock on the wall shows a time in it: where the clock is
 * put forward over it, it does not open that night, where it is put back, it opens twice,
 * as the cheap hours of a provider do.
 */
#ifndef LINK_WINDOW_H
#define LINK_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/link_terms.h"

/* now: wall clock seconds. No window at all: always open. */
bool window_is_open(const struct link_window *windows, size_t count, int64_t now);

/* The first second after now at which that is no longer so: the next opening or closing.
 * INT64_MAX: never. */
int64_t window_change(const struct link_window *windows, size_t count, int64_t now);

#endif
