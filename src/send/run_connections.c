/*
 * What becomes of connections.
 *
 * A connection that ends after it settled something is no failure: the run goes on over a
 * new one, in the same call. One that ended without it is tried again twice, each time
 * with another message in front, so that a message that makes the server hang up keeps
 * back none of the others; such messages go last, one by one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "send/disposition.h"
#include "send/refusal.h"
#include "send/run_learning.h"
#include "send/run_private.h"
#include "send/run_stops.h"

static struct order_limits on_limits(void *ctx)
{
	return run_limits(ctx);
}

static void on_list_short(void *ctx)
{
	struct run *run = ctx;

	if (!run->is_relist_wanted)
		run_relist(run);
}

/* Less protected than it must be: nothing is begun on this connection. */
static bool is_too_little(struct run *run, const struct dial *dial)
{
	const struct outbound *outbound = &run->outbound;
	enum peer_tls level =
		refusal_level(dial_has_tls(dial),
			      dial_is_trusted(dial) ? dial_certificate_name(dial) : "",
			      outbound->smarthost.host);
	struct verdict verdict;
	struct err why = { 0 };

	if (!refusal_of_level(level, outbound->smarthost.tlslevel, &run->memory,
			      &verdict)) {
		run_learn_protection(run, dial, level);
		return false;
	}
	err_permanent(&why, "4.7.0", "%s: %s", outbound->smarthost.host, verdict.what);
	run_stop_smarthost(run, &verdict, &why);
	return true;
}

static void on_ready(void *ctx, const struct dial *dial, const struct smtp_offer *offer)
{
	struct run *run = ctx;

	run->settled = run->refused = 0;
	run->is_renewing = false;
	if (is_too_little(run, dial))
		return;
	if (run->state < RUN_DRAINING)
		run->state = RUN_SENDING;
	run_learn_offer(run, offer);
}

/* True: the run goes on over a new connection. One that was to make room for another was
 * counted when that was decided. */
static bool may_go_on(struct run *run, const struct send_loss *loss)
{
	if (!loss->was_connected || run_is_ending(run) ||
	    !(loss->was_closed || loss->was_given_up || loss->is_half_answered ||
	      loss->is_swallowed || loss->is_stalled))
		return false;
	if (run->is_renewing)
		return true;
	/* What else is under way would share the fate of the message in hand. */
	if (!run->settled)
		run_begin_feeling(run);
	return !run_is_fruitless(run);
}

static void go_on(struct run *run, const struct send_loss *loss, unsigned left)
{
	log_info("flush smarthost=%s connections=%u answered=%u reason=%s",
		 run->outbound.smarthost.name, left, loss->answered, loss->why.text);
	if (loss->is_half_answered)
		run_learn_no_pipelining(run);
	else if (loss->is_swallowed)
		run_learn_no_chunking(run);
	else if (!left && run->settled && run->was_last_taken && !run->is_renewing &&
		 run->state != RUN_IDLE)
		run_learn_from_end(run, loss->answered);
	run->settled = run->refused = 0;
	run_relist(run);
}

/* No server could be had: was that a refusal, and of what? */
static bool was_refused(const struct run *run, const struct send_loss *loss,
			struct verdict *verdict_out)
{
	const struct verdict_known known = { .is_mx = run->judge.is_mx,
					     .has_login = run->judge.has_login,
					     .login_worked = run->judge.login_worked,
					     .times = run->judge.times };

	if (loss->failure)
		return refusal_of_dial(loss->failure, run->rules, &known, &run->memory,
				       verdict_out);
	*verdict_out = refusal_of_ourselves();
	return loss->why.kind == ERR_PERMANENT;
}

static void on_lost(void *ctx, const struct send_loss *loss, unsigned left)
{
	struct run *run = ctx;
	struct outbound *outbound = &run->outbound;
	struct verdict verdict;

	if (loss->is_any_uncertain)
		outbound_blame(outbound, &loss->why);
	if (left || may_go_on(run, loss)) {
		go_on(run, loss, left);
		return;
	}
	outbound_blame(outbound, &loss->why);
	if (!loss->was_connected && !run->pool.was_ready && !run_is_ending(run) &&
	    was_refused(run, loss, &verdict))
		run_stop_smarthost(run, &verdict, &loss->why);
	run->was_lost = true;
	transfer_leave(&run->transfer);
}

static void on_drained(void *ctx)
{
	run_drained(ctx);
}

const struct send_events run_events = {
	.limits = on_limits,
	.admit = run_admit,
	.result = run_on_result,
	.list_short = on_list_short,
	.ready = on_ready,
	.drained = on_drained,
	.lost = on_lost,
};
