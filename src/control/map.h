/*
 * Constant maps on disk (cdb): made whole from a source file, replaced atomically, read
 * by key. The only place that knows libcdb.
 */
#ifndef CONTROL_MAP_H
#define CONTROL_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum map_found {
	MAP_FOUND,
	MAP_MISSING,
	MAP_FAILED /* err is filled */
};

/* The first value of key in the map file `name`, appended to value_out. A map file that
 * is not there is a failure with exit code EX_NOINPUT. */
enum map_found map_get(int control_fd, const char *name, struct span key,
		       struct buf *value_out, struct err *err) MUST_USE;

struct map_source {
	const char *name; /* "accounts" */
	struct span text; /* what it is made from, to be recognised later */
};

/* source: see map_is_stale; readers:
 * the group that may read it, if it is not for everyone (else NULL): it then gets mode
 * 0640, where root makes it and the group exists, or 0600. Written beside, so that who
 * reads meanwhile sees the old map. */
struct map_maker;
struct map_maker *map_make(int control_fd, const char *name,
			   const struct map_source *source, const char *readers,
			   struct err *err) MUST_USE;
bool map_put(struct map_maker *maker, struct span key, struct span value,
	     struct err *err) MUST_USE;
/* Durably in place, or, where `keep` is false, forgotten. Frees the maker either way. */
bool map_finish(struct map_maker *maker, bool keep, struct err *err) MUST_USE;

/* The map ("accounts.cdb") was not made from source ("accounts") as it is now: source was
 * written later, or, where it only came here later (mv, cp -p), has another text than the
 * map was made from. A missing source or map is not stale. */
bool map_is_stale(int control_fd, const char *source, const char *map);

#endif
