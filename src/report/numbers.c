#include "report/numbers.h"

#include <stdlib.h>

#include "base/buf.h"

#define FIRST_ROOM 64

/* Inodes and counted numbers are spread well enough once they are mixed. */
static struct numbered **row_of(const struct numbers *numbers, uint64_t number)
{
	return &numbers->rows[(number * UINT64_C(0x9e3779b97f4a7c15) >> 32) %
			      numbers->room];
}

static void grow(struct numbers *numbers)
{
	struct numbers larger = { .count = numbers->count,
				  .room = numbers->room ? numbers->room * 2
							: FIRST_ROOM };

	larger.rows = must_alloc(larger.room * sizeof(struct numbered *));
	for (size_t i = 0; i < numbers->room; i++)
		for (struct numbered *one = numbers->rows[i], *next; one; one = next) {
			struct numbered **row = row_of(&larger, one->number);

			next = one->next;
			one->next = *row;
			*row = one;
		}
	free(numbers->rows);
	*numbers = larger;
}

void numbers_add(struct numbers *numbers, struct numbered *one)
{
	struct numbered **row;

	if (numbers->count >= numbers->room)
		grow(numbers);
	row = row_of(numbers, one->number);
	one->next = *row;
	*row = one;
	numbers->count++;
}

struct numbered *numbers_find(const struct numbers *numbers, uint64_t number)
{
	struct numbered *one = numbers->room ? *row_of(numbers, number) : NULL;

	while (one && one->number != number)
		one = one->next;
	return one;
}

struct numbered *numbers_take(struct numbers *numbers, uint64_t number)
{
	struct numbered **at = numbers->room ? row_of(numbers, number) : NULL;
	struct numbered *one;

	while (at && *at && (*at)->number != number)
		at = &(*at)->next;
	if (!at || !*at)
		return NULL;
	one = *at;
	*at = one->next;
	numbers->count--;
	return one;
}

void numbers_clear(struct numbers *numbers)
{
	for (size_t i = 0; i < numbers->room; i++)
		for (struct numbered *one = numbers->rows[i], *next; one; one = next) {
			next = one->next;
			free(one);
		}
	free(numbers->rows);
	*numbers = (struct numbers){ 0 };
}
