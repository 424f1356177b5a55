#include "programs/lontar-pickup/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define DAY_S 86400

/* Of what was fetched by now, until when may it be removed there? */
static int64_t removable_until(const struct work *work)
{
	switch (work->pickup.keep) {
	case PICKUP_KEEP_NO:
		return INT64_MAX;
	case PICKUP_KEEP_DAYS:
		return clock_wall_s() - (int64_t)work->pickup.keep_days * DAY_S;
	case PICKUP_KEEP_ALWAYS:
		break;
	}
	return -1;
}

/* What is removed unread must be what was fetched: a server that gives old UIDs to new
 * mail is found out by the size. */
static enum task task_for_known(const struct work *work, const struct seen_entry *entry,
				uint64_t octets)
{
	if (entry->kind != SEEN_FETCHED || entry->when > removable_until(work))
		return TASK_NONE;
	return entry->octets == octets ? TASK_DELETE : TASK_FETCH;
}

static bool is_too_large(const struct work *work, uint64_t octets)
{
	return work->pickup.maxsize && octets > work->pickup.maxsize;
}

/* What was too large may fit now, if maxsize was raised. */
static bool fits_now(const struct work *work, const struct seen_entry *entry,
		     uint64_t octets)
{
	return entry->kind == SEEN_LARGE && !is_too_large(work, octets);
}

static enum task decide(struct work *work, const struct item *item, uint64_t octets)
{
	struct seen_entry *entry =
		strcmp(item->key, "-") != 0 ? seen_find(work->seen, item->key) : NULL;

	if (entry)
		entry->is_listed = true;
	if (entry && !fits_now(work, entry, octets))
		return task_for_known(work, entry, octets);
	return is_too_large(work, octets) ? TASK_NOTICE : TASK_FETCH;
}

static void settle(struct plan *plan, struct work *work, struct item *item,
		   uint64_t octets)
{
	item->task = decide(work, item, octets);
	if (item->task == TASK_FETCH) {
		plan->fetch_left++;
		plan->fetch_bytes += octets;
	}
	plan->held += is_too_large(work, octets) && item->task != TASK_DELETE;
}

/* For qsort, which takes no context. */
struct place {
	size_t message;
	unsigned rank;
	uint64_t octets;
};

static int by_turn(const void *one, const void *other)
{
	const struct place *a = one, *b = other;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->octets != b->octets)
		return a->octets < b->octets ? -1 : 1;
	return a->message < b->message ? -1 : a->message > b->message;
}

static void put_in_order(struct plan *plan, const struct provider *provider)
{
	static const unsigned ranks[] = { [TASK_DELETE] = 0,
					  [TASK_PROBE] = 1,
					  [TASK_IDENTIFY] = 1,
					  [TASK_FETCH] = 2,
					  [TASK_NOTICE] = 3 };
	struct place *places = must_alloc((plan->count + 1) * sizeof(*places));
	size_t count = 0;

	for (size_t i = 0; i < plan->count; i++)
		if (plan->items[i].task != TASK_NONE)
			places[count++] =
				(struct place){ i, ranks[plan->items[i].task],
						plan->items[i].task == TASK_FETCH
							? provider_octets_left(provider,
									       i)
							: 0 };
	if (count)
		qsort(places, count, sizeof(*places), by_turn);
	for (size_t i = 0; i < count; i++)
		plan->order[i] = places[i].message;
	plan->order_count = count;
	plan->next = 0;
	free(places);
}

bool plan_make(struct plan *plan, struct work *work, const struct provider *provider,
	       struct err *err)
{
	/* Where all is removed there, what has no uid is known by its contents alone. */
	bool identifies = provider_has_headers(provider) &&
			  (work->pickup.keep != PICKUP_KEEP_NO || work->pickup.maxsize);

	*plan = (struct plan){ .count = provider_count(provider) };
	plan->items = must_alloc((plan->count + 1) * sizeof(*plan->items));
	plan->order = must_alloc((plan->count + 1) * sizeof(*plan->order));
	for (size_t i = 0; i < plan->count; i++) {
		struct item *item = &plan->items[i];
		bool has_key;

		provider_key(provider, i, item->key);
		has_key = strcmp(item->key, "-") != 0;
		plan->has_keyless |= !has_key;
		if (work->probes)
			item->task = TASK_PROBE;
		else if (has_key || !identifies)
			settle(plan, work, item, provider_octets(provider, i));
		else
			item->task = TASK_IDENTIFY;
		plan->identify_left += item->task == TASK_IDENTIFY;
	}
	put_in_order(plan, provider);
	/* Where all is known that is there, the rest is gone. */
	return plan->identify_left || plan->count >= PROVIDER_LISTING_MAX ||
	       seen_forget_unlisted(work->seen, removable_until(work), err);
}

void plan_identified(struct plan *plan, struct work *work,
		     const struct provider *provider, size_t message, const char *key)
{
	struct item *item = &plan->items[message];

	snprintf(item->key, sizeof(item->key), "%s", key);
	settle(plan, work, item, provider_octets(provider, message));
	if (--plan->identify_left == 0)
		put_in_order(plan, provider);
}

void plan_clear(struct plan *plan)
{
	free(plan->items);
	free(plan->order);
	*plan = (struct plan){ 0 };
}
