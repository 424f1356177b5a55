/* What the run records of refusals, and when a stop of the smarthost has ended. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "send/run_private.h"
#include "send/run_stops.h"

#define BOTH_MAX (STOP_KEY_MAX + 20) /* scope and key of a stop */

struct stops_now run_stops_now(const struct run *run)
{
	const struct outbound *outbound = &run->outbound;
	const struct link_note *link = &run->path.link;

	return stops_now_of(outbound->root_fd, outbound->control_fd,
			    outbound->smarthost.name, link->name[0] ? link->since : 0);
}

static void remove_whole(struct outbound *outbound)
{
	struct stops *stops = &outbound->stops;
	const struct stop *stop = stops_smarthost(stops);
	char scope[sizeof(stop->scope)];

	if (!stop)
		return;
	memcpy(scope, stop->scope, sizeof(scope));
	stops_remove(stops, scope, "");
	log_info("resumed smarthost=%s", outbound->smarthost.name);
}

void run_begin_feeling(struct run *run)
{
	run->is_feeling = true;
	run->pool.limit = 1;
	run->pool.shared.most_messages = 1;
}

void run_end_feeling(struct run *run)
{
	struct outbound *outbound = &run->outbound;

	if (!run->is_feeling)
		return;
	run->is_feeling = false;
	run->judge.times = 0;
	remove_whole(outbound);
	run->pool.limit = outbound->job ? 1 : 0;
	run->pool.shared.most_messages = outbound->smarthost.indoubt;
}

void run_fill_stop(const struct run *run, const struct verdict *verdict,
		   const char *reason, struct stop *stop_out)
{
	const struct stops_now now = run_stops_now(run);

	*stop_out = (struct stop){ .since = now.now,
				   .link_since = now.link_since,
				   .files = run->files };
	if (verdict->wait_s)
		stop_out->until = now.now + (int64_t)verdict->wait_s;
	snprintf(stop_out->scope, sizeof(stop_out->scope), "%s",
		 verdict_scope_name(verdict->scope));
	snprintf(stop_out->what, sizeof(stop_out->what), "%s", verdict->what);
	snprintf(stop_out->mend, sizeof(stop_out->mend), "%s", verdict->mend);
	snprintf(stop_out->reason, sizeof(stop_out->reason), "%s", reason);
}

void run_stop_smarthost(struct run *run, const struct verdict *verdict,
			const struct err *why)
{
	struct outbound *outbound = &run->outbound;
	struct stop stop;

	if (run->is_stopped)
		return;
	run_fill_stop(run, verdict, why->text, &stop);
	if (!outbound->job)
		stops_put(&outbound->stops, &stop);
	log_error("stopped smarthost=%s scope=%s until=%" PRId64 " rule=%s reason=%s",
		  outbound->smarthost.name, stop.scope, stop.until,
		  verdict->rule ? verdict->rule : "", why->text);
	outbound->why = *why;
	run->is_stopped = true;
	run_begin_draining(run);
}

static bool was_put(const struct run *run, const char *both)
{
	for (size_t i = 0; i < run->stops_put.count; i++)
		if (strcmp(run->stops_put.lines[i], both) == 0)
			return true;
	return false;
}

static void name_both(const char *scope, const char *key, char both_out[BOTH_MAX])
{
	snprintf(both_out, BOTH_MAX, "%s %s", scope, key);
}

bool run_was_stop_put(const struct run *run, const char *scope, const char *key)
{
	char both[BOTH_MAX];

	name_both(scope, key, both);
	return was_put(run, both);
}

/* Once a call: other messages that were under way are refused alike. */
void run_put_stop(struct run *run, const struct verdict *verdict, const char *scope,
		  const char *key, const struct err *why)
{
	char both[BOTH_MAX];
	struct stop stop;

	outbound_blame(&run->outbound, why);
	name_both(scope, key, both);
	if (was_put(run, both))
		return;
	settings_list_add(&run->stops_put, span_of(both), 0);
	run_fill_stop(run, verdict, why->text, &stop);
	snprintf(stop.scope, sizeof(stop.scope), "%s", scope);
	snprintf(stop.key, sizeof(stop.key), "%s", key);
	stops_put(&run->outbound.stops, &stop);
}
