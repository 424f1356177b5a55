/* Things found by their number. A node is the beginning of what it stands for, which is
 * the caller's until it is added and after it is taken; else the table's, freed by
 * free(3). */
#ifndef REPORT_NUMBERS_H
#define REPORT_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct numbered {
	struct numbered *next;
	uint64_t number;
};

struct numbers { /* valid when zeroed */
	struct numbered **rows;
	size_t count, room;
};

/* Nothing of this number is in it yet. */
void numbers_add(struct numbers *numbers, struct numbered *one);
/* NULL: there is none. */
struct numbered *numbers_find(const struct numbers *numbers, uint64_t number);
struct numbered *numbers_take(struct numbers *numbers, uint64_t number) MUST_USE;
void numbers_clear(struct numbers *numbers);

#endif
