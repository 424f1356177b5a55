/*
 * When a flush is started.
 *
 * While a link is open that serves the smarthost, mail that waits is a reason: at once if
 * it was just parked, at its own turn if it was tried before, and after a smarthost could
 * not be reached, later each time.
 *
 * A stop of the whole smarthost (link/stops.h) is the one thing that keeps a flush from
 * being started although the link is open. No event tells of its end: a time passes, the
 * clock is set, a file in control/ changes, `lontar login` takes it away. So it is read
 * again at each link-up, when its time is over, and every LOOK_S while mail waits. The
 * flush after that is the feeler. New mail does not bring it forward; a person does.
 *
 * Stops of senders are the flush's own to keep. If it sent nothing, what is left may be
 * theirs: the next turn is the first end of such a stop or the first time in the name of
 * another message, and now and then in between, for files that change.
 */
#include "programs/lontar-link/turn.h"

#include <string.h>

#include "base/clock.h"
#include "link/fallback.h"
#include "link/stops.h"
#include "programs/lontar-link/look.h"

#define NOTHING_S   5.   /* what a flush did not even begin may be for later */
#define BURST_S     1.   /* mail that came while a flush was leaving waits so long */
#define LOOK_S      5.   /* whether a stop has ended is asked so often */
#define SENDERS_S   300. /* the same, of senders */
#define LARGE_MIN_S 10
#define RETRY_MIN_S 30.  /* delay before the first retry of one that was not reached */
#define RETRY_MAX_S 900. /* upper limit of that delay, while the link stays up */

bool turn_is_served(const struct turn *turn, struct link_choice *choice_out)
{
	return link_choose(turn->root_fd, turn->control_fd, LINK_FOR_SMARTHOST,
			   turn->smarthost, clock_wall_s(), choice_out);
}

bool turn_is_moved(const struct turn *turn)
{
	char second[SMARTHOST_NAME_MAX];
	struct link_choice ignored;

	return fallback_stands_in(turn->root_fd, turn->control_fd, turn->settings,
				  turn->smarthost, second) &&
	       link_choose(turn->root_fd, turn->control_fd, LINK_FOR_SMARTHOST, second,
			   clock_wall_s(), &ignored);
}

static bool is_stopped(const struct turn *turn, struct stop *stop_out)
{
	return smarthost_is_stopped(turn->root_fd, turn->control_fd, turn->smarthost,
				    stop_out);
}

bool turn_may_go(const struct turn *turn)
{
	struct link_choice ignored;

	return turn_is_moved(turn) ||
	       (!is_stopped(turn, NULL) && turn_is_served(turn, &ignored));
}

double turn_of_stop(const struct turn *turn)
{
	struct link_choice ignored;
	struct stop stop;
	int64_t left;

	if (!is_stopped(turn, &stop) || !turn_is_served(turn, &ignored) ||
	    !has_mail(turn->root_fd, turn->smarthost, false))
		return TURN_NEVER;
	left = stop_ends(&stop) - clock_wall_s();
	return left > 0 && (double)left < LOOK_S ? (double)left : LOOK_S;
}

/* Seconds until the first stop of a sender ends, SENDERS_S at most; 0: none holds. */
static double wait_of_senders(const struct turn *turn, const struct link_choice *choice)
{
	struct stops_now now = { 0 };
	struct stops stops;
	double wait = 0;

	stops_read(turn->root_fd, turn->smarthost, &stops);
	if (stops.count)
		now = stops_now_of(turn->root_fd, turn->control_fd, turn->smarthost,
				   choice->link.since);
	for (size_t i = 0; i < stops.count; i++) {
		const struct stop *stop = &stops.items[i];
		double left = (double)(stop_ends(stop) - now.now);

		if (strcmp(stop->scope, "sender") != 0 || !stop_holds(stop, &now))
			continue;
		if (wait == 0 || left < wait)
			wait = left;
	}
	stops_clear(&stops);
	return wait > SENDERS_S ? SENDERS_S : wait;
}

static double after_failures(unsigned failures)
{
	double wait = RETRY_MIN_S;

	while (--failures && wait < RETRY_MAX_S)
		wait *= 2;
	return wait < RETRY_MAX_S ? wait : RETRY_MAX_S;
}

/* Mail that is too large for the link's calls: a call that has stood twice as long as now
 * carries twice as much (link/carries.h). */
static double turn_of_large(const struct turn *turn, const struct link_choice *choice)
{
	struct order_limits limits = link_limits(&choice->allowance);
	int64_t now = clock_wall_s(), stands_s = now - choice->link.since;
	struct look look = { .limits = &limits, .now = now };

	limits.maxsize = choice->allowance.maxsize;
	look_through(turn->root_fd, turn->smarthost, &look);
	if (!look.found)
		return TURN_NEVER;
	return stands_s > LARGE_MIN_S ? (double)stands_s : LARGE_MIN_S;
}

/* Of the mail that the link takes: when it is its turn. */
static double turn_of_mail(const struct turn *turn, const struct link_choice *choice)
{
	struct order_limits limits = link_limits(&choice->allowance);
	int64_t now = clock_wall_s(), due;
	struct look look = { .limits = &limits, .now = now };
	double wait = turn->has_sent ? BURST_S : NOTHING_S, of_senders;

	look_through(turn->root_fd, turn->smarthost, &look);
	if (!look.found)
		return turn_of_large(turn, choice);
	if (turn->failures)
		wait = after_failures(turn->failures);
	due = look.due;
	if (!turn->has_sent && due <= now) {
		of_senders = wait_of_senders(turn, choice);
		if (of_senders > 0)
			due = look.later < now + (int64_t)of_senders
				      ? look.later
				      : now + (int64_t)of_senders;
	}
	return due > now && (double)(due - now) > wait ? (double)(due - now) : wait;
}

double turn_after(const struct turn *turn)
{
	struct link_choice choice;

	if (!turn_may_go(turn))
		return turn_of_stop(turn);
	if (!turn_is_served(turn, &choice))
		return BURST_S; /* it is only moved */
	return turn_of_mail(turn, &choice);
}
