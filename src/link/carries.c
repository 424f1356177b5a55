/*
 * Which message is too large for a call?
 *
 * A line of 64 kbit/s that stands for a minute never delivers a letter of 1 MB: each call
 * would send the same half of it again, and each is paid for. That is known after the
 * first call that ended in the middle of a message, from how long the call stood and how
 * fast its mail went. Nothing is concluded from calls that ended otherwise: the gateway
 * hangs up by itself when all is sent, and a server or a budget may end a message too.
 *
 * So a message is begun only if it fits a call as long as the longest of the last ones,
 * with an eighth to spare, since the next call begins no sooner than the last one did.
 * The call that stands now counts as it grows: a line that has become better carries
 * everything again, after it has stood for as long as the message takes. Small messages
 * are always tried. They cost little, and the smallest of them are what such a line is
 * for.
 */
#include "link/carries.h"

#include "base/limit.h"
#include "link/order.h"

#define SPARE        8 /* a part of so many */
#define ALWAYS_BYTES UINT64_C(16384)

static uint64_t longest(const struct carries *carries)
{
	uint64_t most = 0;

	for (size_t i = 0; i < carries->count; i++)
		if (carries->calls[i].stood_s > most)
			most = carries->calls[i].stood_s;
	return most;
}

static void forget_first(struct carries *carries)
{
	for (size_t i = 1; i < carries->count; i++)
		carries->calls[i - 1] = carries->calls[i];
	carries->count--;
}

void carries_take(struct carries *carries, const struct carries_call *call)
{
	struct carries_call *last =
		carries->count ? &carries->calls[carries->count - 1] : NULL;

	/* A later flush in the same call: that call had not ended yet. */
	if (last && last->since == call->since) {
		*last = *call;
		return;
	}
	/* A short call in which all was sent says nothing. */
	if (!call->bytes_per_s && call->stood_s <= longest(carries))
		return;
	if (carries->count == CARRIES_CALLS)
		forget_first(carries);
	carries->calls[carries->count++] = *call;
}

static uint64_t stands_s(const struct carries_now *now)
{
	return now->since && now->now > now->since ? (uint64_t)(now->now - now->since)
						   : 0;
}

struct carries_limit carries_limit(const struct carries *carries,
				   const struct carries_now *now)
{
	struct carries_limit limit = { .largest = LIMIT_NONE,
				       .stood_s = longest(carries) };
	bool was_cut = false;
	uint64_t seconds, bytes;

	for (size_t i = 0; i < carries->count; i++) {
		const struct carries_call *call = &carries->calls[i];

		/* In the call that stands something else than its end cut it. */
		was_cut |= call->bytes_per_s && call->since != now->since;
		if (call->bytes_per_s > limit.bytes_per_s)
			limit.bytes_per_s = call->bytes_per_s;
	}
	if (!was_cut)
		return limit;
	if (stands_s(now) > limit.stood_s)
		limit.stood_s = stands_s(now);
	seconds = limit.stood_s;
	if (limit.bytes_per_s > LIMIT_NONE / (seconds + 1))
		return limit;
	bytes = limit.bytes_per_s * seconds;
	bytes -= bytes / SPARE;
	limit.largest = order_largest(order_room(bytes));
	if (limit.largest < ALWAYS_BYTES)
		limit.largest = ALWAYS_BYTES;
	return limit;
}

uint64_t carries_needs_s(const struct carries_limit *limit, uint64_t wire_bytes)
{
	struct parked_name name = { .wire_bytes = wire_bytes, .recipients = 1 };

	return order_cost(&name) / (limit->bytes_per_s ? limit->bytes_per_s : 1) + 1;
}
