/* The UIDs of a folder with their sizes, and sets of them as IMAP writes them (RFC 9051,
 * sequence-set). */
#ifndef IMAP_LISTING_H
#define IMAP_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

struct imap_listed {
	uint32_t uid;
	bool is_fetched; /* was here before */
	bool needs_size;
	bool is_sized;   /* the server told its size, or would not */
	bool is_deleted; /* somebody marked it */
	uint64_t octets;
};

struct imap_listing { /* valid when zeroed */
	struct imap_listed *messages;
	size_t count;
	size_t room;
};

void imap_listing_clear(struct imap_listing *listing);

/* Adds UIDs from the numbers of a SEARCH answer, or the set of an ESEARCH answer; what
 * makes no sense is left out. */
void imap_listing_add_numbers(struct imap_listing *listing, struct span numbers);
void imap_listing_add_set(struct imap_listing *listing, struct span set);
/* By UID, each once. */
void imap_listing_sort(struct imap_listing *listing);
/* NULL: it is not listed. After sort. */
struct imap_listed *imap_listing_find(struct imap_listing *listing, uint64_t uid);
/* What needed a size and has none is gone; what is new and deleted is nobody's mail. */
void imap_listing_settle(struct imap_listing *listing);

/* Appends a set of those from *next_out on that need a size, as long as out has room; a
 * range may span UIDs that do not exist. *next_out is where the rest begins. */
void imap_listing_put_unsized(const struct imap_listing *listing, struct buf *out,
			      size_t *next_out);
/* Appends a set of these, sorted by place; no UID that is not among them is in it.
 * Returns how many found room. */
size_t imap_listing_put(const struct imap_listing *listing, const size_t *places,
			size_t count, struct buf *out);

#endif
