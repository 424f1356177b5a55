/*
 * Sums by a name: what was sent by each sender, to each recipient, for each reason. The
 * table grows with the number of names.
 */
#ifndef REPORT_COUNTS_H
#define REPORT_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct count {
	char *key; /* NULL: a free place in the table */
	uint64_t hash;
	uint64_t messages;
	uint64_t bytes;
	uint64_t success_bytes;
	uint64_t recipient_bytes; /* once a recipient */
	uint64_t recipients;
	uint64_t tries;
	double xdelay_s;
};

struct counts { /* valid when zeroed */
	struct count *places;
	size_t used, room;
};

/* The one of this name, made if need be; its place holds until the next call. */
struct count *counts_at(struct counts *counts, struct span key);
void counts_clear(struct counts *counts);

/* All, in order of `compare` (qsort's, over pointers to struct count pointers). The
 * caller frees the array. */
const struct count **counts_sort(const struct counts *counts,
				 int (*compare)(const void *one, const void *other));

#endif
