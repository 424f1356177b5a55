/* What a hook tells about a link, put into what is known of it. */
#ifndef LINK_CHANGE_H
#define LINK_CHANGE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/span.h"
#include "link/notes.h"

/* What a hook says of the call that is over. */
struct link_call { /* valid when zeroed: nothing */
	bool has_bytes;
	bool has_seconds;
	uint64_t bytes; /* both directions */
	uint64_t seconds;
};

/*
 * The link went up or down; settings are "key=value" lines (keys: interface local remote
 * dns speed_bps bytes_sent bytes_received seconds). A second up is a new call, whose
 * addresses replace the first one's. What makes no sense is not worth losing the event
 * for: it is appended to ignored_out, a line each (cut at its ceiling). Not written yet:
 * see link_note_write. call_out may be NULL. That nobody else told it is part of it.
 */
void link_note_change(struct link_note *note, bool up, struct span settings,
		      struct link_call *call_out, struct buf *ignored_out);

#endif
