#include "link/order.h"

#include <stdlib.h>
#include <string.h>

#define BACKOFF_STEP_S 400 /* 20 squared */

/* Of 1,500 bytes on the wire 72 are headers (IPv6), and every other such packet is
 * answered by 72 more: a fourteenth, and some are sent twice. MAIL, DATA and the answers;
 * RCPT and its answer. */
#define COST_SHARE     12
#define COST_MESSAGE   300
#define COST_RECIPIENT 120
#define COST_CONNECT   7000

int64_t order_backoff_s(unsigned attempts)
{
	int64_t step;

	if (attempts < 1)
		return 0;
	if (attempts > ORDER_BACKOFF_MAX_S / BACKOFF_STEP_S)
		return ORDER_BACKOFF_MAX_S;
	step = (int64_t)BACKOFF_STEP_S * (2 * (int64_t)attempts - 1);
	return step < ORDER_BACKOFF_MAX_S ? step : ORDER_BACKOFF_MAX_S;
}

uint64_t order_waited_s(const struct parked_name *name, uint64_t link_up_s)
{
	if (!name->link_up_s || name->link_up_s > link_up_s)
		return 0;
	return link_up_s - name->link_up_s;
}

bool order_is_expired(const struct parked_name *name, const struct order_age *age)
{
	int64_t days = age->now - parked_name_time(name);

	if (age->ceiling_s && days > 0 && (uint64_t)days > age->ceiling_s)
		return true;
	return name->attempts + 1 >= ORDER_TRIES_MIN &&
	       order_waited_s(name, age->link_up_s) > age->lifetime_s;
}

double order_weight(const struct parked_name *name, int64_t now)
{
	int64_t age = now - parked_name_time(name);

	return (double)name->wire_bytes / (double)(60 + (age > 0 ? age : 0));
}

int order_compare(const struct parked_name *one, const struct parked_name *other,
		  int64_t now)
{
	double mine, his;

	if (one->priority != other->priority)
		return one->priority > other->priority ? -1 : 1;
	mine = order_weight(one, now);
	his = order_weight(other, now);
	if (mine < his)
		return -1;
	return mine > his ? 1 : strcmp(one->id, other->id);
}

uint64_t order_cost(const struct parked_name *name)
{
	return name->wire_bytes + name->wire_bytes / COST_SHARE + COST_MESSAGE +
	       (uint64_t)name->recipients * COST_RECIPIENT;
}

uint64_t order_largest(uint64_t bytes)
{
	uint64_t overhead = COST_MESSAGE + COST_RECIPIENT;

	if (bytes == UINT64_MAX)
		return bytes;
	bytes = bytes > overhead ? bytes - overhead : 0;
	return bytes - bytes / (COST_SHARE + 1);
}

uint64_t order_room(uint64_t bytes)
{
	if (bytes == UINT64_MAX)
		return bytes;
	return bytes > COST_CONNECT ? bytes - COST_CONNECT : 0;
}

bool order_is_taken(const struct parked_name *name, const struct order_limits *limits)
{
	return name->freed ||
	       ((!limits->maxsize || name->wire_bytes <= limits->maxsize) &&
		name->priority >= limits->lowest);
}

bool order_fits(const struct parked_name *name, const struct order_limits *limits)
{
	return order_is_taken(name, limits) && order_cost(name) <= limits->room;
}

static bool is_past(int64_t not_before, int64_t now, int64_t longest)
{
	return not_before <= now || not_before - now > longest;
}

/* N= is the last attempt's time and the step after it. */
static bool was_tried(const struct parked_name *name, const struct order_rules *rules)
{
	return name->not_before - order_backoff_s(name->attempts) >= rules->call_began;
}

bool order_is_due(const struct parked_name *name, const struct order_rules *rules)
{
	int64_t wait = (int64_t)rules->uncertainwait_s;

	switch (name->state) {
	case PARKED_WAITING:
		return is_past(name->not_before, rules->now, ORDER_BACKOFF_MAX_S) ||
		       (rules->ignore_not_before &&
			!(rules->but_tried && was_tried(name, rules)));
	case PARKED_UNCERTAIN:
		if (!is_past(name->not_before, rules->now, wait))
			return false;
		/* A far N= was written under a wrong clock, so by an earlier call. */
		return name->not_before > rules->now ||
		       name->not_before - wait < rules->call_began;
	case PARKED_HELD:
	case PARKED_SENDING:
		break;
	}
	return false;
}

static int compare(const void *one, const void *other, void *now)
{
	return order_compare(one, other, *(const int64_t *)now);
}

void order_sort(struct parked_name *names, size_t count, int64_t now)
{
	if (count)
		qsort_r(names, count, sizeof(*names), compare, &now);
}
