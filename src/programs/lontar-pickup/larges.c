#include "programs/lontar-pickup/larges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void add(void *ctx, const struct large *large)
{
	struct larges *larges = ctx;
	struct left_there *one;

	/* Doubled at each power of two. */
	if ((larges->count & (larges->count - 1)) == 0)
		larges->items = must_resize(larges->items, 2 * larges->count + 1,
					    sizeof(*larges->items));
	one = &larges->items[larges->count++];
	*one = (struct left_there){ .wish = large->wish, .octets = large->octets };
	snprintf(one->id, sizeof(one->id), "%s", large->id);
}

static int by_id(const void *one, const void *other)
{
	return strcmp(((const struct left_there *)one)->id,
		      ((const struct left_there *)other)->id);
}

bool larges_load(struct larges *larges, int root_fd, const char *pickup, struct err *err)
{
	*larges = (struct larges){ 0 };
	if (!large_each(root_fd, pickup, add, larges, err))
		return false;
	if (larges->count)
		qsort(larges->items, larges->count, sizeof(*larges->items), by_id);
	return true;
}

void larges_clear(struct larges *larges)
{
	free(larges->items);
	*larges = (struct larges){ 0 };
}

void larges_id(const char *pickup, const char *key, char id_out[LARGE_ID_MAX])
{
	struct digest *digest = digest_new();
	char text[DIGEST_TEXT_MAX];

	digest_add(digest, span_of(pickup));
	digest_add(digest, (struct span){ "\n", 1 });
	digest_add(digest, span_of(key));
	large_id(digest_text(digest, text), id_out);
	digest_free(digest);
}

struct left_there *larges_find(const struct larges *larges, const char *id)
{
	struct left_there wanted = { .wish = LARGE_WAIT };

	if (!larges->count)
		return NULL;
	snprintf(wanted.id, sizeof(wanted.id), "%s", id);
	return bsearch(&wanted, larges->items, larges->count, sizeof(wanted), by_id);
}

void larges_tidy(const struct larges *larges, int root_fd)
{
	for (size_t i = 0; i < larges->count; i++)
		if (!larges->items[i].is_there)
			large_remove(root_fd, larges->items[i].id);
}
