/* What work without a gateway uses of links: counted as lontar-link does. */
#ifndef PROGRAMS_LONTAR_COUNTED_H
#define PROGRAMS_LONTAR_COUNTED_H

#include <stdint.h>

#include "ipc/link.h"

struct counted_link;

struct counted { /* { .root_fd = ..., .control_fd = ... } */
	int root_fd;
	int control_fd;
	struct counted_link *first;
};

/* What a worker tells; *used_bytes: what it told last, 0 at first. */
void counted_add(struct counted *counted, const struct link_progress *told,
		 uint64_t *used_bytes);
/* Writes what is not written yet. */
void counted_close(struct counted *counted);

#endif
