#include "programs/lontar-pickup/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define DAY_S         86400
#define HEADER_OCTETS 4096 /* about */
#define KNOWN_MANY    100  /* of fewer the listing costs less than a round trip */

/* Of what was fetched by now, until when may it be removed there? */
static int64_t removable_until(const struct remote_mailbox *mailbox)
{
	switch (mailbox->pickup.keep) {
	case PICKUP_KEEP_NO:
		return INT64_MAX;
	case PICKUP_KEEP_DAYS:
		return clock_wall_s() - (int64_t)mailbox->pickup.keep_days * DAY_S;
	case PICKUP_KEEP_ALWAYS:
		break;
	}
	return -1;
}

/* What is removed unread must be what was fetched: a server that gives old UIDs to new
 * mail is found out by the size. */
static enum task task_for_known(const struct remote_mailbox *mailbox,
				const struct seen_entry *entry, uint64_t octets)
{
	if (entry->kind != SEEN_FETCHED || entry->when > removable_until(mailbox))
		return TASK_NONE;
	return entry->octets == octets ? TASK_DELETE : TASK_FETCH;
}

static bool is_too_large(const struct remote_mailbox *mailbox, uint64_t octets)
{
	return octets > mailbox->most_octets;
}

/* What a person wants with it counts; else its recipient is told, once. */
static enum task task_for_large(struct item *item, const struct left_there *large,
				bool is_told, uint64_t octets)
{
	if (large && large->wish == LARGE_FETCH) {
		item->is_wished = true;
		return TASK_FETCH;
	}
	/* Not another one under an old uid, which nobody has judged yet. */
	if (large && large->wish == LARGE_DROP && large->octets == octets)
		return TASK_DELETE;
	return large && is_told && large->wish == LARGE_WAIT ? TASK_NONE : TASK_NOTICE;
}

static struct left_there *find_large(const struct plan *plan,
				     const struct remote_mailbox *mailbox,
				     const struct item *item)
{
	char id[LARGE_ID_MAX];

	if (!plan->larges.count || strcmp(item->key, "-") == 0)
		return NULL;
	larges_id(mailbox->pickup.name, item->key, id);
	return larges_find(&plan->larges, id);
}

static enum task decide(struct plan *plan, const struct remote_mailbox *mailbox,
			struct item *item, uint64_t octets)
{
	struct seen_entry *entry =
		strcmp(item->key, "-") != 0 ? seen_find(mailbox->seen, item->key) : NULL;
	struct left_there *large = find_large(plan, mailbox, item);
	bool is_known;

	/* An equal uid of another mailbox. */
	if (entry && mailbox->is_moved && entry->octets != octets)
		entry = NULL;
	is_known = entry && entry->kind != SEEN_LARGE;
	item->is_large = large && !is_known;
	if (large)
		large->is_there = !is_known;
	if (entry)
		entry->is_listed = true;
	if (is_known)
		return task_for_known(mailbox, entry, octets);
	/* What was too large may fit now, by a larger maxsize or another link. */
	if (!is_too_large(mailbox, octets) && !(large && large->wish == LARGE_DROP))
		return TASK_FETCH;
	/* What cannot be known again would be told of each time. */
	if (strcmp(item->key, "-") == 0)
		return TASK_NONE;
	return task_for_large(item, large, entry != NULL, octets);
}

static void settle(struct plan *plan, const struct remote_mailbox *mailbox,
		   struct item *item, uint64_t octets)
{
	item->task = decide(plan, mailbox, item, octets);
	if (item->task == TASK_FETCH) {
		plan->fetch_left++;
		plan->fetch_bytes += octets;
	}
	plan->held += item->task == TASK_NOTICE ||
		      (item->task == TASK_NONE &&
		       (item->is_large ||
			(strcmp(item->key, "-") == 0 && is_too_large(mailbox, octets))));
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

/* What a person waits for comes before what comes by itself; else the smallest first,
 * whatever is to be read of them. */
static struct place place_of(const struct plan *plan, const struct provider *provider,
			     size_t message)
{
	static const unsigned ranks[] = {
		[TASK_DELETE] = 0,  [TASK_PROBE] = 1, [TASK_IDENTIFY] = 1,
		[TASK_COMPARE] = 1, [TASK_FETCH] = 3, [TASK_NOTICE] = 3
	};
	const struct item *item = &plan->items[message];
	struct place place = { message, ranks[item->task], 0 };

	if (item->is_wished)
		place.rank = 2;
	if (item->task == TASK_FETCH)
		place.octets = provider_octets_left(provider, message);
	else if (item->task == TASK_NOTICE)
		place.octets = HEADER_OCTETS;
	return place;
}

static void put_in_order(struct plan *plan, const struct provider *provider)
{
	struct place *places = must_alloc((plan->count + 1) * sizeof(*places));
	size_t count = 0;

	for (size_t i = 0; i < plan->count; i++)
		if (plan->items[i].task != TASK_NONE)
			places[count++] = place_of(plan, provider, i);
	if (count)
		qsort(places, count, sizeof(*places), by_turn);
	for (size_t i = 0; i < count; i++)
		plan->order[i] = places[i].message;
	plan->order_count = count;
	plan->next = 0;
	free(places);
}

bool plan_knows_most(const struct remote_mailbox *mailbox)
{
	return !mailbox->proof && !mailbox->is_moved &&
	       mailbox->pickup.keep != PICKUP_KEEP_NO &&
	       seen_count(mailbox->seen) >= KNOWN_MANY;
}

/* What is removed unread, or told to its recipient, needs the server's own size. */
static bool needs_octets(const struct remote_mailbox *mailbox,
			 const struct seen_entry *entry)
{
	return entry->kind == SEEN_LARGE ||
	       (entry->kind == SEEN_FETCHED && entry->when <= removable_until(mailbox));
}

enum provider_known plan_knows(const struct remote_mailbox *mailbox,
			       const struct provider *provider, size_t message,
			       uint64_t *octets_out)
{
	char key[DIGEST_TEXT_MAX];
	const struct seen_entry *entry;

	provider_key(provider, message, key);
	entry = strcmp(key, "-") != 0 ? seen_find(mailbox->seen, key) : NULL;
	if (!entry || mailbox->proof)
		return PROVIDER_NEW;
	if (mailbox->is_moved || needs_octets(mailbox, entry))
		return PROVIDER_FETCHED;
	*octets_out = entry->octets;
	return PROVIDER_SIZED;
}

bool plan_make(struct plan *plan, const struct remote_mailbox *mailbox,
	       const struct provider *provider, struct err *err)
{
	/* A message without a uid is known again by its header, which costs a round trip.
	 * If all is fetched and removed there, none needs to be known again. */
	bool identifies = provider_has_headers(provider) &&
			  (mailbox->pickup.keep != PICKUP_KEEP_NO ||
			   mailbox->most_octets != LIMIT_NONE);

	/* Of the copies of a mailbox for many, the ids are the same. */
	bool compares = mailbox->pickup.keep != PICKUP_KEEP_NO &&
			!mailbox->pickup.multidrop && provider_is_renumbered(provider);

	*plan = (struct plan){ .count = provider_count(provider) };
	plan->items = must_alloc((plan->count + 1) * sizeof(*plan->items));
	plan->order = must_alloc((plan->count + 1) * sizeof(*plan->order));
	if (!larges_load(&plan->larges, mailbox->root_fd, mailbox->pickup.name, err))
		return false;
	for (size_t i = 0; i < plan->count; i++) {
		struct item *item = &plan->items[i];
		bool has_key;

		provider_key(provider, i, item->key);
		has_key = strcmp(item->key, "-") != 0;
		plan->has_keyless |= !has_key;
		if (mailbox->proof)
			item->task = TASK_PROBE;
		else if (compares && has_key && !seen_find(mailbox->seen, item->key))
			item->task = TASK_COMPARE;
		else if (has_key || !identifies)
			settle(plan, mailbox, item, provider_octets(provider, i));
		else
			item->task = TASK_IDENTIFY;
		plan->identify_left +=
			item->task == TASK_IDENTIFY || item->task == TASK_COMPARE;
	}
	put_in_order(plan, provider);
	/* Where all is known that is there, the rest is gone. */
	if (mailbox->proof || plan->identify_left || plan->count >= PROVIDER_LISTING_MAX)
		return true;
	larges_tidy(&plan->larges, mailbox->root_fd);
	return seen_forget_unlisted(mailbox->seen, removable_until(mailbox), err);
}

void plan_identified(struct plan *plan, const struct remote_mailbox *mailbox,
		     const struct provider *provider, size_t message, const char *key)
{
	struct item *item = &plan->items[message];

	snprintf(item->key, sizeof(item->key), "%s", key);
	settle(plan, mailbox, item, provider_octets(provider, message));
	if (--plan->identify_left > 0)
		return;
	put_in_order(plan, provider);
	if (plan->count < PROVIDER_LISTING_MAX)
		larges_tidy(&plan->larges, mailbox->root_fd);
}

void plan_forget_large(struct plan *plan, const struct remote_mailbox *mailbox,
		       size_t message)
{
	struct item *item = &plan->items[message];
	char id[LARGE_ID_MAX];

	if (!item->is_large)
		return;
	larges_id(mailbox->pickup.name, item->key, id);
	large_remove(mailbox->root_fd, id);
	item->is_large = false;
}

void plan_clear(struct plan *plan)
{
	free(plan->items);
	free(plan->order);
	larges_clear(&plan->larges);
	*plan = (struct plan){ 0 };
}
