#include <stdlib.h>

#include "base/buf.h"
#include "link/order.h"

/* What order_compare would work out again and again. The names stay where they are. */
struct order_weighed {
	struct parked_name *name;
	double weight;
};

static bool goes_first(const struct order_weighed *one, const struct order_weighed *other,
		       int64_t now)
{
	if (one->name->priority == other->name->priority && one->weight != other->weight)
		return one->weight < other->weight;
	return order_compare(one->name, other->name, now) < 0;
}

static void swap(struct order_weighed *one, struct order_weighed *other)
{
	struct order_weighed kept = *one;

	*one = *other;
	*other = kept;
}

static void sift_up(struct order_pick *pick, size_t at)
{
	while (at && goes_first(&pick->heap[(at - 1) / 2], &pick->heap[at], pick->now)) {
		swap(&pick->heap[(at - 1) / 2], &pick->heap[at]);
		at = (at - 1) / 2;
	}
}

static void sift_down(struct order_pick *pick, size_t count)
{
	size_t at = 0, last;

	for (; (last = 2 * at + 1) < count; at = last) {
		if (last + 1 < count &&
		    goes_first(&pick->heap[last], &pick->heap[last + 1], pick->now))
			last++;
		if (!goes_first(&pick->heap[at], &pick->heap[last], pick->now))
			return;
		swap(&pick->heap[at], &pick->heap[last]);
	}
}

bool order_pick_add(struct order_pick *pick, const struct parked_name *name)
{
	struct parked_name copy = *name;
	struct order_weighed added = { &copy, order_weight(name, pick->now) };

	if (!pick->names) {
		pick->names = must_alloc(pick->most * sizeof(*pick->names));
		pick->heap = must_alloc(pick->most * sizeof(*pick->heap));
	}
	if (pick->count < pick->most) {
		struct parked_name *place = &pick->names[pick->count];

		*place = *name;
		pick->heap[pick->count] = (struct order_weighed){ place, added.weight };
		sift_up(pick, pick->count++);
		return true;
	}
	if (goes_first(&added, &pick->heap[0], pick->now)) {
		*pick->heap[0].name = *name;
		pick->heap[0].weight = added.weight;
		sift_down(pick, pick->count);
	}
	return false;
}

struct parked_name *order_pick_take(struct order_pick *pick)
{
	struct parked_name *sorted = must_alloc((pick->count + 1) * sizeof(*sorted));

	for (size_t left = pick->count; left; left--) {
		sorted[left - 1] = *pick->heap[0].name;
		pick->heap[0] = pick->heap[left - 1];
		sift_down(pick, left - 1);
	}
	order_pick_clear(pick);
	return sorted;
}

void order_pick_clear(struct order_pick *pick)
{
	free(pick->names);
	free(pick->heap);
	*pick = (struct order_pick){ .most = pick->most, .now = pick->now };
}
