/* How a flush or a pickup goes on, for the person who asked: a bar on a terminal, else a
 * line for each thing that begins or ends. */
#ifndef PROGRAMS_LONTAR_PROGRESS_H
#define PROGRAMS_LONTAR_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/routes.h"
#include "ipc/link.h"

/* Where one smarthost or pickup stands. */
struct progress_row {
	char smarthost[LINK_WORK_NAME_MAX];
	char doing[64];
	uint64_t sent, sent_bytes, waiting, waiting_bytes, refused, deferred;
};

struct progress {
	bool is_terminal;
	bool is_drawn; /* the bar's line is not ended */
	int64_t began_ms;
	struct progress_row *rows;
	size_t count;
};

void progress_begin(struct progress *progress);
void progress_take(struct progress *progress, const struct link_progress *told);
/* A line for the person. */
void progress_say(struct progress *progress, struct span text);
/* A line for each smarthost or pickup, and frees. */
void progress_end(struct progress *progress);

#endif
