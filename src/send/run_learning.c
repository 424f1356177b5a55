/*
 * What is learnt of the server, and remembered for weeks: which offers do not work, how
 * many messages a connection and how many recipients a transaction carry. A setting in
 * control/smarthosts/NAME always goes before what was learnt.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "link/carries.h"
#include "send/run_learning.h"
#include "send/run_private.h"
#include "send/run_stops.h"

#define LOGIN_FRESH_S 3600

void run_keep_memory(struct run *run)
{
	const struct outbound *outbound = &run->outbound;
	struct err err = { 0 };

	if (!run->has_learnt)
		return;
	if (!peer_memory_write(outbound->root_fd, outbound->smarthost.name,
			       outbound->job ? outbound->smarthost.host : NULL,
			       &run->memory, &err))
		log_failure(&err);
}

static bool is_avoided(enum smarthost_use use, int64_t until)
{
	return use == SMARTHOST_NO ||
	       (use == SMARTHOST_AUTOMATIC && clock_wall_s() < until);
}

static void use_memory(struct run *run)
{
	const struct smarthost *smarthost = &run->outbound.smarthost;
	struct server_connection_shared *shared = &run->pool.shared;
	const struct peer_memory *memory = &run->memory;

	shared->avoid_chunking =
		is_avoided(smarthost->chunking, memory->no_chunking_until);
	shared->avoid_pipelining =
		is_avoided(smarthost->pipelining, memory->no_pipelining_until);
	shared->pipelining_worked = memory->pipelining_worked;
	shared->chunking_worked = memory->chunking_worked;
	shared->mechanism = memory->mechanism[0] ? memory->mechanism : NULL;
	shared->per_connection = smarthost->perconnection ? smarthost->perconnection
							  : memory->per_connection;
	run->outbound.most_recipients =
		smarthost->recipients ? smarthost->recipients : memory->recipients;
}

void run_learn(struct run *run)
{
	struct outbound *outbound = &run->outbound;
	const struct stop *stop = stops_smarthost(&outbound->stops);
	struct err err = { 0 };

	peer_memory_read(outbound->root_fd, outbound->smarthost.name,
			 outbound->job ? outbound->smarthost.host : NULL, &run->memory);
	if (clock_wall_s() >= run->memory.limits_until)
		run->memory.per_connection = run->memory.recipients = 0;
	use_memory(run);
	run->judge.is_mx = outbound->smarthost.type == SMARTHOST_MX;
	run->judge.has_login = outbound->smarthost.user != NULL;
	run->judge.login_worked = run->memory.login_worked != 0;
	run->judge.times = stop ? (unsigned)stop->times : 0;
	/* A wrong line in control/replies is told, and the shipped rules remain. */
	if (!verdict_rules_load(outbound->control_fd, &run->rules, &err)) {
		log_failure(&err);
		run->rules = verdict_rules_shipped();
	}
	run->judge.rules = run->rules;
	/* A stop has ended, or a person ended it: one letter shows whether its reason
	 * has.
	 */
	if (stop)
		run_begin_feeling(run);
}

/* Which of the offers that this message used does not work? Returns false if all were
 * avoided already, so that the server wants something else. */
bool run_downgrade(struct run *run, const struct smtp_client_result *result, size_t i)
{
	const struct smtp_client_answer *answer = &result->answers[i];
	struct server_connection_shared *shared = &run->pool.shared;
	int64_t until = clock_wall_s() + PEER_MEMORY_S;
	const char *what;

	if (answer->stage >= SMTP_AT_DATA && result->used_chunking) {
		run->memory.no_chunking_until = until;
		shared->avoid_chunking = true;
		what = "CHUNKING";
	} else if (result->used_pipelining &&
		   (answer->reply.code == 500 || answer->reply.code == 503)) {
		run->memory.no_pipelining_until = until;
		shared->avoid_pipelining = true;
		what = "PIPELINING";
	} else if (!shared->avoid_parameters) {
		shared->avoid_parameters = true;
		what = "parameters of MAIL";
	} else {
		return false;
	}
	log_warning("smarthost=%s goes on without %s: %u %s",
		    run->outbound.smarthost.name, what, answer->reply.code,
		    answer->reply.text);
	run->has_learnt = true;
	pool_renew(&run->pool);
	return true;
}

/* The next connection is begun in time. Sessions end for other reasons too (a restart, a
 * letter that a filter hangs up on, many errors), and a limit that is too low costs a
 * greeting for each message: the same number twice in a call is a limit. */
void run_learn_from_end(struct run *run, uint64_t count)
{
	const struct smarthost *smarthost = &run->outbound.smarthost;
	bool is_same = count == run->ended_after;

	run->ended_after = count;
	if (!count || !is_same || run->refused || smarthost->perconnection ||
	    run->memory.per_connection == count)
		return;
	run->memory.per_connection = count;
	run->memory.limits_until = clock_wall_s() + PEER_MEMORY_S;
	run->pool.shared.per_connection = count;
	log_info("learnt smarthost=%s messages-per-connection=%" PRIu64, smarthost->name,
		 count);
	run->has_learnt = true;
}

bool run_learn_recipients(struct run *run, const struct smtp_client_result *result)
{
	uint64_t taken = 0;

	for (size_t i = 0; i < result->count; i++)
		taken += result->answers[i].verdict == SMTP_ACCEPTED;
	if (run->outbound.smarthost.recipients)
		return taken > 0;
	/* It said so only at the end of the body, and of all. */
	if (!taken)
		taken = result->count / 2;
	if (!taken)
		return false;
	run->memory.recipients = run->outbound.most_recipients = taken;
	run->memory.limits_until = clock_wall_s() + PEER_MEMORY_S;
	run->has_learnt = true;
	return true;
}

void run_learn_no_pipelining(struct run *run)
{
	run->memory.no_pipelining_until = clock_wall_s() + PEER_MEMORY_S;
	run->pool.shared.avoid_pipelining =
		run->outbound.smarthost.pipelining != SMARTHOST_YES;
	run->has_learnt = true;
	log_warning("smarthost=%s goes on without PIPELINING: it answered only some of "
		    "the commands",
		    run->outbound.smarthost.name);
}

void run_learn_no_chunking(struct run *run)
{
	run->memory.no_chunking_until = clock_wall_s() + PEER_MEMORY_S;
	run->pool.shared.avoid_chunking =
		run->outbound.smarthost.chunking != SMARTHOST_YES;
	run->has_learnt = true;
	log_warning("smarthost=%s goes on without CHUNKING: it was silent after a body",
		    run->outbound.smarthost.name);
}

void run_learn_offers(struct run *run, const struct smtp_client_result *result)
{
	struct peer_memory *memory = &run->memory;
	struct server_connection_shared *shared = &run->pool.shared;
	bool is_body_answered = result->answers[0].stage == SMTP_AT_BODY;

	if (result->used_pipelining && !memory->pipelining_worked)
		memory->pipelining_worked = shared->pipelining_worked = run->has_learnt =
			true;
	if (result->used_chunking && is_body_answered && !memory->chunking_worked)
		memory->chunking_worked = shared->chunking_worked = run->has_learnt =
			true;
}

void run_learn_protection(struct run *run, const struct dial *dial, enum peer_tls level)
{
	struct peer_memory *memory = &run->memory;

	/* Nobody promised a certificate for a mail host: many have one of their own
	 * making one day and another the next. */
	if (run->judge.is_mx && level > PEER_TLS_ENCRYPTED)
		level = PEER_TLS_ENCRYPTED;
	if (run->outbound.smarthost.tlslevel == SMARTHOST_LEVEL_ANY ||
	    level > memory->tls)
		memory->tls = level;
	if (run->judge.has_login) {
		memory->login_worked = clock_wall_s();
		snprintf(memory->mechanism, sizeof(memory->mechanism), "%s",
			 dial_mechanism(dial));
	}
	run->has_learnt = true;
}

static uint64_t least_set(uint64_t one, uint64_t other)
{
	return one && (!other || one < other) ? one : other;
}

void run_learn_offer(struct run *run, const struct smtp_offer *offer)
{
	const struct smarthost *smarthost = &run->outbound.smarthost;
	struct server_connection_shared *shared = &run->pool.shared;

	if (!smarthost->perconnection)
		shared->per_connection =
			least_set(run->memory.per_connection, offer->mails_max);
	if (!smarthost->recipients)
		run->outbound.most_recipients =
			least_set(run->memory.recipients, offer->recipients_max);
}

void run_learn_call(const struct run *run)
{
	const struct outbound *outbound = &run->outbound;
	const struct link_note *link = &run->path.link;
	const char *smarthost = parked_smarthost(outbound->parked);
	int64_t now = clock_wall_s();
	int64_t worked_ms = clock_monotonic_ms() - run->began_ms;
	struct carries_call call = { .since = link->since };
	struct carries carries;
	struct err err = { 0 };

	if (!link->name[0] || !run->pool.was_ready || now < link->since)
		return;
	call.stood_s = (uint64_t)(now - link->since);
	if (run->cut_bytes && run->state != RUN_CUT)
		call.bytes_per_s = quota_used(&run->quota, 0) * 1000 /
				   (uint64_t)(worked_ms > 0 ? worked_ms : 1);
	carries_read(outbound->root_fd, link->name, smarthost, &carries);
	carries_take(&carries, &call);
	if (!carries_write(outbound->root_fd, link->name, smarthost, &carries, &err))
		log_failure(&err);
}
