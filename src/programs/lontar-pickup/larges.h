/*
 * What this pickup has left at the provider because it is too large, and what people want
 * with it (link/large.h); read when the mailbox has been listed.
 */
#ifndef LONTAR_PICKUP_LARGES_H
#define LONTAR_PICKUP_LARGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "link/large.h"
#include "net/digest.h"

struct left_there {
	char id[LARGE_ID_MAX];
	enum large_wish wish;
	uint64_t octets; /* when it was found */
	bool is_there;   /* still */
};

struct larges {
	struct left_there *items; /* by id */
	size_t count;
};

bool larges_load(struct larges *larges, int root_fd, const char *pickup,
		 struct err *err) MUST_USE;
void larges_clear(struct larges *larges);

/* The id of the message that has this key. */
void larges_id(const char *pickup, const char *key, char id_out[LARGE_ID_MAX]);
/* NULL: none. */
struct left_there *larges_find(const struct larges *larges, const char *id);
/* All that is listed has been marked: forgets the others. */
void larges_tidy(const struct larges *larges, int root_fd);

#endif
