/* What a hook tells about a link, put into what is known of it. */
#ifndef LINK_CHANGE_H
#define LINK_CHANGE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"
#include "control/linkfile.h"
#include "link/notes.h"

/* What a hook says of the call that is over. */
struct link_call { /* valid when zeroed: nothing */
	bool has_bytes;
	bool has_seconds;
	uint64_t bytes; /* both directions */
	uint64_t seconds;
};

/*
 * The link went up or down; settings are "key=value" lines (keys: interface device local
 * remote dns speed_bps family bytes_sent bytes_received seconds). What makes no sense is
 * not worth losing the event for: it is appended to ignored_out, a line each (cut at its
 * ceiling). Not written yet: see link_note_write. call_out may be NULL. That nobody else
 * told it is part of it.
 *
 * A second up over the same interface is the same call, and adds to what is known of it;
 * any other second up is a new call, whose addresses replace the first one's. `family`
 * (ipv4 or ipv6) is told where the two come and go one by one, as pppd does: the link
 * stays up until both that came have gone, so note->up says what became of it.
 */
void link_note_change(struct link_note *note, bool up, struct span settings,
		      struct link_call *call_out, struct buf *ignored_out);

/* What is known of the link, as the settings of an up that tells it of another one. */
bool link_note_settings(const struct link_note *note, struct buf *settings_out) MUST_USE;

/* The value of a key in such lines, the last one that is told; empty: it is not told. */
struct span link_setting(struct span settings, const char *key);
/* The same of a key that says an interface or a device; "" also where it is too long. */
void link_setting_copy(struct span settings, const char *key,
		       char out[LINKFILE_INTERFACE_MAX]);

#endif
