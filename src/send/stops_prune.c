#include "send/stops_prune.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct found {
	const struct stops *stops;
	bool *is_there; /* of each stop: its letter is */
	size_t missing;
};

static bool is_of_letter(const struct stop *stop)
{
	return stop->key[0] && strcmp(stop->scope, "sender") != 0;
}

static bool look_for(void *ctx, const struct parked_name *name)
{
	struct found *found = ctx;

	for (size_t i = 0; i < found->stops->count; i++) {
		if (found->is_there[i] ||
		    strcmp(found->stops->items[i].key, name->id) != 0)
			continue;
		found->is_there[i] = true;
		found->missing--;
	}
	return found->missing > 0;
}

static void keep_those(struct stops *stops, const bool *is_kept)
{
	size_t kept = 0;

	for (size_t i = 0; i < stops->count; i++)
		if (is_kept[i])
			stops->items[kept++] = stops->items[i];
	stops->count = kept;
}

bool stops_prune(struct stops *stops, struct parked *parked, struct err *err)
{
	struct found found = { .stops = stops };
	bool is_read;

	if (!stops->count)
		return true;
	found.is_there = must_alloc(stops->count * sizeof(*found.is_there));
	for (size_t i = 0; i < stops->count; i++) {
		found.is_there[i] = !is_of_letter(&stops->items[i]);
		found.missing += !found.is_there[i];
	}
	is_read = !found.missing || parked_each(parked, look_for, &found, err);
	if (is_read)
		keep_those(stops, found.is_there);
	free(found.is_there);
	return is_read;
}
