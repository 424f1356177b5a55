/*
 * Messages of which only the beginning has come in: spool/pickup/_part.NAME.KEY, the
 * bytes as they were on the wire, so that the next session goes on where the line
 * dropped.
 *
 * The first line, of a fixed length, says the size that the server lists, the length of
 * the whole, and how many bytes are on the disk for certain: after a crash only these are
 * believed. A part costs nothing but room: whatever is wrong with one, it is dropped, and
 * its message fetched from the start.
 */
#ifndef LONTAR_PICKUP_PARTIAL_H
#define LONTAR_PICKUP_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

#define PARTIAL_MIN_BYTES 16384 /* what is smaller is fetched whole again */
#define PARTIAL_PIECE_MAX 16384
#define PARTIAL_CHECK_MAX 64 /* its last bytes are fetched twice, to be compared */

struct partials;

/* Finds what is there of this pickup. */
struct partials *partials_open(int root_fd, const char *name);
void partials_close(struct partials *partials); /* the one at work is kept */

size_t partials_count(const struct partials *partials);
const char *partials_key(const struct partials *partials, size_t i);
void partials_drop(struct partials *partials, const char *key); /* if there is one */

/* How many bytes are here of the message that the server lists with this size; 0: none.
 */
uint64_t partials_bytes(const struct partials *partials, const char *key,
			uint64_t octets);

/* One at a time is at work, and the next ends it. A new one; where there is no room for
 * it, nothing is kept of what is added, and nobody is told. */
void partials_begin(struct partials *partials, const char *key, uint64_t octets,
		    uint64_t total);
/* One that is there already; its pieces can be read before more is added. False: it is
 * not of a message of this length; it is dropped. */
bool partials_resume(struct partials *partials, const char *key, uint64_t total) MUST_USE;
/* Bytes from `at` on; empty: they cannot be read. */
struct span partials_read(const struct partials *partials, uint64_t at, size_t len,
			  char piece[PARTIAL_PIECE_MAX]);
void partials_add(struct partials *partials, struct span wire);
/* The one at work, if any, is delivered or of no use. */
void partials_end(struct partials *partials);

#endif
