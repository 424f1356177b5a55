#include "transfer/quota.h"

void quota_begin(struct quota *quota, const struct link_choice *choice)
{
	*quota = (struct quota)QUOTA_UNLIMITED;
	if (!choice->up)
		return;
	quota->most_bytes = choice->allowance.bytes;
	quota->until = choice->allowance.budget_until;
	quota->maxsize = link_limits(&choice->allowance).maxsize;
	quota->lowest = choice->allowance.lowest;
}

bool quota_allow(struct quota *quota, uint64_t most_bytes, int64_t until)
{
	bool is_more = most_bytes > quota->most_bytes || until > quota->until;

	quota->most_bytes = most_bytes;
	quota->until = until;
	return is_more;
}

bool quota_is_bounded(const struct quota *quota)
{
	return quota->most_bytes != LIMIT_NONE || quota->until != QUOTA_NO_END;
}

uint64_t quota_used(const struct quota *quota, uint64_t open_bytes)
{
	return quota->closed_bytes + open_bytes;
}

/* Bytes that the link moves before its end. */
static uint64_t bytes_in_time(const struct quota *quota, const struct quota_use *use)
{
	uint64_t left_s;

	if (quota->until == QUOTA_NO_END)
		return LIMIT_NONE;
	if (use->now >= quota->until)
		return 0;
	left_s = (uint64_t)quota->until - (uint64_t)use->now;
	if (!use->bytes_per_s || left_s > LIMIT_NONE / use->bytes_per_s)
		return LIMIT_NONE;
	return left_s * use->bytes_per_s;
}

uint64_t quota_room(const struct quota *quota, const struct quota_use *use)
{
	uint64_t used = quota_used(quota, use->open_bytes);
	uint64_t by_budget = limit_left(quota->most_bytes, used);
	uint64_t left = limit_left(limit_least(by_budget, bytes_in_time(quota, use)),
				   use->begun_bytes);

	return use->is_connected ? left : order_room(left);
}

struct order_limits quota_limits(const struct quota *quota, const struct quota_use *use)
{
	return (struct order_limits){ .maxsize = quota->maxsize,
				      .lowest = quota->lowest,
				      .room = quota_room(quota, use) };
}

bool quota_is_over(const struct quota *quota, uint64_t open_bytes, int64_t now,
		   const char **why_out)
{
	if (quota->until != QUOTA_NO_END && now >= quota->until)
		*why_out = "the time of the link is over";
	else if (quota->most_bytes != LIMIT_NONE &&
		 quota_used(quota, open_bytes) >= quota->most_bytes)
		*why_out = "the budget of the link is used up";
	else
		return false;
	return true;
}
