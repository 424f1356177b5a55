#include "report/why.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "link/order.h"
#include "mail/priority.h"

#define TEXT_MAX sizeof(((struct why *)0)->text)

static bool is_later(const struct parked_name *name, int64_t now)
{
	/* A later time is no back-off but a clock that was set back: sent at once. */
	return name->not_before > now && name->not_before <= now + ORDER_BACKOFF_MAX_S;
}

/* Of a kind that the link does not take at all. False: it takes it. */
static bool is_kept(const struct smarthost_status *smarthost,
		    const struct parked_name *name, struct why *why)
{
	const struct allowance *allowance = &smarthost->allowance;
	const struct order_limits limits = { .maxsize = allowance->maxsize,
					     .lowest = allowance->lowest,
					     .room = UINT64_MAX };
	char bytes[NUMBER_TEXT_MAX];

	if (order_is_taken(name, &limits))
		return false;
	if (limits.maxsize && name->wire_bytes > limits.maxsize)
		snprintf(why->text, TEXT_MAX,
			 "larger than the link %s takes (%s): it waits for another link "
			 "or for a person's word",
			 smarthost->link.name,
			 number_format_bytes(limits.maxsize, bytes));
	else
		snprintf(why->text, TEXT_MAX,
			 "the link %s is kept for %s mail: it waits for another link or "
			 "for a person's word",
			 smarthost->link.name,
			 limits.lowest == PRIORITY_URGENT ? "urgent" : "high and urgent");
	return true;
}

/* The numbers are those that a person needs to find another way. */
static void explain_short_calls(const struct smarthost_status *smarthost,
				const struct parked_name *name, struct why *why)
{
	const struct carries_limit *calls = &smarthost->allowance.calls;
	char size[NUMBER_TEXT_MAX];

	snprintf(why->text, TEXT_MAX,
		 "%s need about %" PRIu64 " s on the link %s, which stood %" PRIu64
		 " s at most when it was sent last: it waits for a better link or for a "
		 "person's word",
		 number_format_bytes(name->wire_bytes, size),
		 carries_needs_s(calls, name->wire_bytes), smarthost->link.name,
		 calls->stood_s);
	snprintf(why->scope, sizeof(why->scope), "person");
	snprintf(why->mend, sizeof(why->mend),
		 "`lontar release %s` sends it over this link all the same, `lontar drop "
		 "%s` returns it to its sender.",
		 name->id, name->id);
}

/* Not now. False: the link is open and has enough left. */
static bool is_closed(const struct smarthost_status *smarthost,
		      const struct parked_name *name, struct why *why)
{
	const struct allowance *allowance = &smarthost->allowance;
	char left[NUMBER_TEXT_MAX];

	if (!allowance->open) {
		snprintf(why->text, TEXT_MAX, "%s", allowance->why);
		why->next = allowance->again;
		return true;
	}
	if (order_cost(name) <= order_room(allowance->bytes))
		return false;
	snprintf(why->text, TEXT_MAX,
		 "larger than what the budget of the link %s has left for mail (%s)",
		 smarthost->link.name,
		 number_format_bytes(order_room(allowance->bytes), left));
	if (allowance->more != INT64_MAX)
		why->next = allowance->more;
	return true;
}

static void explain_down(const struct smarthost_status *smarthost, int64_t now,
			 struct why *why)
{
	const struct allowance *allowance = &smarthost->allowance;
	char when[CLOCK_TEXT_MAX];

	why->next = smarthost->next_call;
	if (why->next)
		snprintf(why->text, TEXT_MAX,
			 "the link is down; the gateway calls %s at %s",
			 smarthost->link.name, clock_format_local(why->next, now, when));
	else if (smarthost->link.name[0] && !allowance->open)
		snprintf(why->text, TEXT_MAX, "the link is down, and %s", allowance->why);
	else
		snprintf(why->text, TEXT_MAX, "the link is down");
}

/* When a stop ends and a link is up too. */
static int64_t next_after(const struct smarthost_status *smarthost,
			  const struct stop *stop, int64_t now)
{
	int64_t ends = stop_ends(stop), call = smarthost->next_call;

	if (smarthost->link_up)
		return ends;
	return !call || stop_ends_with_link(stop, now) || call > ends ? call : ends;
}

static void explain_stopped(const struct smarthost_status *smarthost,
			    const struct stop *stop, int64_t now, struct why *why)
{
	stop_explain(stop, now, why->text);
	why->next = next_after(smarthost, stop, now);
	why->until = stop_ends(stop);
	snprintf(why->scope, sizeof(why->scope), "%s", stop_scope(stop));
	snprintf(why->reason, sizeof(why->reason), "%s", stop->reason);
	snprintf(why->mend, sizeof(why->mend), "%s", stop_mend(stop));
}

/* By the gateway, which has a reason, or by a person, who knows it. */
static void explain_held(const struct stop *stop, const struct parked_name *name,
			 struct why *why)
{
	snprintf(why->text, TEXT_MAX, "%s%s",
		 stop ? "held by the gateway: " : "held by the operator",
		 stop ? stop->reason : "");
	snprintf(why->scope, sizeof(why->scope), "person");
	if (stop && stop->mend[0])
		snprintf(why->mend, sizeof(why->mend), "%s", stop->mend);
	else
		snprintf(why->mend, sizeof(why->mend),
			 "`lontar release %s` lets it go, `lontar drop %s` returns it to "
			 "its sender.",
			 name->id, name->id);
}

static void explain_waiting(const struct smarthost_status *smarthost,
			    const struct parked_name *name, int64_t now, struct why *why)
{
	const struct smarthost_note *note = &smarthost->note;
	bool is_local = strcmp(smarthost->name, "local") == 0;
	char until[CLOCK_TEXT_MAX];

	if (!is_local && smarthost->link.name[0] &&
	    link_calls_are_short(&smarthost->allowance, name)) {
		explain_short_calls(smarthost, name, why);
	} else if (!smarthost->link_up && !is_local) {
		explain_down(smarthost, now, why);
	} else if (!is_local &&
		   (is_kept(smarthost, name, why) || is_closed(smarthost, name, why))) {
		return;
	} else if (is_later(name, now)) {
		why->next = name->not_before;
		snprintf(why->text, TEXT_MAX, "tried; again after %s",
			 clock_format_rfc3339(why->next, until));
	} else {
		why->next = now;
		snprintf(why->text, TEXT_MAX, "its turn comes%s%s",
			 note->last_error[0] ? "; the last try ended so: " : "",
			 note->last_error);
	}
}

static void explain_uncertain(const struct smarthost_status *smarthost,
			      const struct parked_name *name, int64_t now,
			      struct why *why)
{
	char until[CLOCK_TEXT_MAX];

	if (smarthost->link_up)
		why->next = name->not_before > now ? name->not_before : now;
	snprintf(why->text, TEXT_MAX,
		 "sent, but the answer was lost: it may have arrived; again after %s",
		 clock_format_rfc3339(name->not_before, until));
}

void why_it_waits(const struct smarthost_status *smarthost, const struct stop *stop,
		  const struct parked_name *name, int64_t now, struct why *why_out)
{
	*why_out = (struct why){ .next = 0 };
	switch (name->state) {
	case PARKED_HELD:
		explain_held(stop, name, why_out);
		break;
	case PARKED_SENDING:
		snprintf(why_out->text, TEXT_MAX, "on its way now");
		break;
	case PARKED_UNCERTAIN:
		explain_uncertain(smarthost, name, now, why_out);
		break;
	case PARKED_WAITING:
		if (stop)
			explain_stopped(smarthost, stop, now, why_out);
		else
			explain_waiting(smarthost, name, now, why_out);
		break;
	}
}
