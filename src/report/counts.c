#include "report/counts.h"

#include <stdlib.h>

#include "base/buf.h"

#define FIRST_ROOM 64 /* a power of two, as all that follow */

/* FNV-1a. */
static uint64_t hash_of(struct span key)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < key.len; i++)
		hash = (hash ^ (unsigned char)key.at[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Where it is, or the free place where it belongs: there always is one. */
static struct count *find(const struct counts *counts, struct span key, uint64_t hash)
{
	size_t at = hash & (counts->room - 1);

	for (;; at = (at + 1) & (counts->room - 1)) {
		struct count *place = &counts->places[at];

		if (!place->key || (place->hash == hash && span_is(key, place->key)))
			return place;
	}
}

static void grow(struct counts *counts)
{
	struct counts larger = { .used = counts->used,
				 .room = counts->room ? counts->room * 2 : FIRST_ROOM };

	larger.places = must_alloc(larger.room * sizeof(*larger.places));
	for (size_t i = 0; i < counts->room; i++) {
		const struct count *count = &counts->places[i];

		if (count->key)
			*find(&larger, span_of(count->key), count->hash) = *count;
	}
	free(counts->places);
	*counts = larger;
}

struct count *counts_at(struct counts *counts, struct span key)
{
	uint64_t hash = hash_of(key);
	struct count *place;

	if (counts->used * 2 >= counts->room)
		grow(counts);
	place = find(counts, key, hash);
	if (!place->key) {
		place->key = must_alloc(key.len + 1);
		memcpy(place->key, key.at, key.len);
		place->hash = hash;
		counts->used++;
	}
	return place;
}

void counts_clear(struct counts *counts)
{
	for (size_t i = 0; i < counts->room; i++)
		free(counts->places[i].key);
	free(counts->places);
	*counts = (struct counts){ 0 };
}

const struct count **counts_sort(const struct counts *counts,
				 int (*compare)(const void *one, const void *other))
{
	const struct count **sorted =
		must_alloc((counts->used + 1) * sizeof(const struct count *));
	size_t used = 0;

	for (size_t i = 0; i < counts->room; i++)
		if (counts->places[i].key)
			sorted[used++] = &counts->places[i];
	qsort(sorted, used, sizeof(const struct count *), compare);
	return sorted;
}
