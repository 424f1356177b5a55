/*
 * What a run does when its queue is empty.
 *
 * It lists the Maildir once more, since mail may have been parked meanwhile, and then
 * stays idle for two seconds while a link is up, since a burst's next message finds the
 * connection open. Before it leaves, what was put aside is decided on.
 */
#include "base/clock.h"
#include "link/allowance.h"
#include "send/run_finish.h"
#include "send/run_private.h"
#include "send/run_stops.h"

#define IDLE_S 2.

/* More may come soon, if a link is up that serves this smarthost; but a caller that waits
 * to be told that mail stays is not kept waiting. Without a link the flush was asked for
 * just once. */
static bool may_idle(const struct run *run)
{
	const struct outbound *outbound = &run->outbound;
	char text[STAYS_MAX];
	struct link_choice ignored;

	return !run_is_ending(run) && !run->options.is_standalone && !outbound->job &&
	       supervisor_is_there(run->supervisor) &&
	       run_what_stays(run, text, sizeof(text)) == EX_OK &&
	       link_choose(outbound->root_fd, outbound->control_fd, LINK_FOR_SMARTHOST,
			   outbound->smarthost.name, clock_wall_s(), &ignored);
}

/* Messages that ended a connection are tried when all others are done. */
static bool is_suspects_turn_due(struct run *run)
{
	if (!run->was_suspect_passed || run->is_suspects_turn)
		return false;
	run_begin_feeling(run);
	return run->is_suspects_turn = true;
}

void run_drained(struct run *run)
{
	struct outbound *outbound = &run->outbound;

	if (run_is_ending(run)) {
		run_settle_suspended(run, run->is_stopped);
		run_leave_after(run, 0.);
		return;
	}
	if (run->is_relist_wanted)
		return; /* on_relist goes on */
	/* Something may have been parked since the last listing. The Maildir is listed
	 * once for what was tried meanwhile: what cannot be begun at all is not tried for
	 * ever. */
	if (outbound->counters.deliveries != run->listed_after ||
	    is_suspects_turn_due(run)) {
		run->listed_after = outbound->counters.deliveries;
		run_relist(run);
		return;
	}
	run_settle_suspended(run, true);
	if (run->is_relist_wanted && !run_is_ending(run))
		return;
	run_judge_place(run);
	if (run_is_ending(run) || !may_idle(run)) {
		run_leave_after(run, 0.);
	} else if (!ev_is_active(&run->leave)) {
		run_write_state(run);
		run->state = RUN_IDLE;
		run_tell_progress(run);
		supervisor_idle(run->supervisor);
		run_leave_after(run, IDLE_S);
	}
}
