/* Maps that are older than their sources: used, for nothing better is there, but never in
 * silence. */
#ifndef CONTROL_STALE_H
#define CONTROL_STALE_H

#include <stdint.h>

struct stale_watch { /* valid when zeroed */
	int64_t looked_ms;
	int64_t told_ms;
};

/* What to log now, or NULL: looks once a second at most, and tells once a minute. now_ms:
 * clock_monotonic_ms. The text is constant. */
const char *stale_watch(struct stale_watch *watch, int control_fd, int64_t now_ms);

#endif
