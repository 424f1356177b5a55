#include "programs/lontar-link/waiting.h"

#include <string.h>

#include "control/smarthost.h"
#include "link/allowance.h"
#include "link/order.h"
#include "link/stops.h"
#include "mail/priority.h"
#include "store/parked.h"

#define CALL_TRIES  2    /* when its link comes up, and when it asks for a flush */
#define RETRY_MAX_S 7200 /* after the call: later ones wait for a call of their own */
#define LEFT_S      1800 /* what a good call could not send is no reason for one at once */

struct count {
	struct order_rules rules;
	const struct call_note *note;
	struct callwhen_facts *facts;
};

static bool was_left(const struct count *count, int64_t parked_at)
{
	const struct call_note *note = count->note;

	return !note->failures && note->ended >= note->last && parked_at <= note->last &&
	       count->rules.now < note->ended + LEFT_S && count->rules.now >= note->ended;
}

/* A server has refused it in one call, for a while. One call after that time is for it; a
 * call that was made since then has had its chance. */
static int64_t retry_of(const struct count *count, const struct parked_name *name)
{
	const struct call_note *note = count->note;

	if (name->state != PARKED_WAITING || !name->attempts ||
	    name->attempts > CALL_TRIES || name->not_before <= note->last ||
	    name->not_before > note->last + RETRY_MAX_S)
		return 0;
	return name->not_before;
}

static bool count_one(void *ctx, const struct parked_name *name)
{
	struct count *count = ctx;
	struct callwhen_facts *facts = count->facts;
	int64_t parked_at = parked_name_time(name), retry;

	if (!order_fits(name, &count->rules.limits))
		return true;
	retry = retry_of(count, name);
	if (retry && (!facts->retry || retry < facts->retry))
		facts->retry = retry;
	if (!order_is_due(name, &count->rules) || was_left(count, parked_at))
		return true;
	facts->messages++;
	if (!facts->oldest || parked_at < facts->oldest)
		facts->oldest = parked_at;
	if (name->priority >= PRIORITY_URGENT &&
	    (!facts->urgent || parked_at < facts->urgent))
		facts->urgent = parked_at;
	return true;
}

static bool is_listed(const struct settings_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->lines[i], name) == 0)
			return true;
	return list->count == 0;
}

/* What is stopped is not worth a call before its time; what another link sends just now
 * needs none. */
static bool is_wanted(const struct waiting_place *place, const struct linkfile *file,
		      const char *name, int64_t now)
{
	struct link_choice other;

	if (!smarthost_name_is_valid(name) || !is_listed(&file->smarthosts, name))
		return false;
	return !smarthost_is_stopped(place->root_fd, place->control_fd, name, NULL) &&
	       !link_choose(place->root_fd, place->control_fd, LINK_FOR_SMARTHOST, name,
			    now, &other);
}

void waiting_count(const struct waiting_place *place, const struct linkfile *file,
		   const struct call_note *note, struct callwhen_facts *facts)
{
	struct parked_smarthosts all;
	struct allowance allowance;
	struct link_note link;
	struct count count = { .note = note, .facts = facts };
	struct err ignored;

	if (!parked_smarthosts(place->root_fd, &all, &ignored))
		return;
	link_allowance(place->root_fd, file, facts->now, &allowance);
	count.rules = (struct order_rules){
		.now = facts->now,
		.call_began = facts->now,
		.uncertainwait_s = place->uncertainwait_s,
	};
	link_note_read(place->root_fd, file->name, &link);
	for (size_t i = 0; i < all.count; i++) {
		struct parked *parked;

		if (!is_wanted(place, file, all.names[i], facts->now))
			continue;
		link_limit_by_calls(place->root_fd, &link, all.names[i], facts->now,
				    &allowance);
		count.rules.limits = link_limits(&allowance);
		count.rules.limits.room = UINT64_MAX;
		parked = parked_open(place->root_fd, all.names[i], false, &ignored);
		/* Where it cannot be read to its end, what was seen so far counts. */
		if (parked)
			(void)!parked_each(parked, count_one, &count, &ignored);
		parked_close(parked);
	}
	parked_smarthosts_clear(&all);
}
