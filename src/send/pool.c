#include "send/pool.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "smtp/client_offer.h"
#include "transfer/remote_account.h"

/* Without PIPELINING each of MAIL, RCPT, DATA and the body waits for its reply; with it
 * only the body does, since the next envelope rides behind its dot. */
#define TURNS_ONE_BY_ONE 4
#define TURNS_PIPELINED  1

/* Connecting and the greetings take three round trips: in so much time they are over,
 * unless a packet was lost or the link is a very long one. */
#define SECOND_S 0.4

/* Calls `one` for each connection, which may close itself, and adds up what it returns.
 */
static uint64_t sum(const struct pool *pool,
		    uint64_t (*one)(const struct server_connection *))
{
	uint64_t total = 0;

	for (const struct server_connection *at = pool->first; at;
	     at = server_connection_next(at))
		total += one(at);
	return total;
}

static uint64_t is_one(const struct server_connection *connection)
{
	(void)connection;
	return 1;
}

static uint64_t is_busy(const struct server_connection *connection)
{
	return server_connection_is_ready(connection) &&
	       !server_connection_is_drained(connection);
}

static uint64_t unanswered_on(const struct server_connection *connection)
{
	return server_connection_unanswered(connection);
}

unsigned pool_count(const struct pool *pool)
{
	return (unsigned)sum(pool, is_one);
}

bool pool_is_drained(const struct pool *pool)
{
	return sum(pool, is_busy) == 0;
}

size_t pool_unanswered(const struct pool *pool)
{
	return sum(pool, unanswered_on);
}

uint64_t pool_bytes_out(const struct pool *pool)
{
	return sum(pool, server_connection_bytes_out);
}

uint64_t pool_used(const struct pool *pool)
{
	return sum(pool, server_connection_used);
}

uint64_t pool_begun_cost(const struct pool *pool)
{
	return sum(pool, server_connection_begun_cost);
}

bool pool_has(const struct pool *pool, const char *id)
{
	for (const struct server_connection *at = pool->first; at;
	     at = server_connection_next(at))
		if (server_connection_has(at, id))
			return true;
	return false;
}

/* The rate that few small messages were seen to take is no measure: large mail would wait
 * for ever. */
uint64_t pool_rate(const struct pool *pool)
{
	const struct pace *pace = &pool->shared.pace;
	uint64_t told = pool->shared.path->link.speed_bps / 8;

	return pace->filled || (told && pace->bytes_per_s > told) ? pace->bytes_per_s
								  : told;
}

static unsigned least(unsigned one, uint64_t other)
{
	return other < one ? (unsigned)other : one;
}

/* `wanted` connections, as far as settings, server and queue allow. */
static unsigned bounded(const struct pool *pool, unsigned wanted)
{
	const struct outbound *outbound = pool->shared.outbound;

	wanted = least(wanted, outbound->settings.concurrencyremote);
	if (pool->shared.most_messages)
		wanted = least(wanted, pool->shared.most_messages);
	if (pool->limit)
		wanted = least(wanted, pool->limit);
	/* One that would carry less than two messages is not worth its greeting. */
	return least(wanted, pool_count(pool) + queue_left(&outbound->queue) / 2);
}

static void unlink_connection(struct pool *pool, const struct server_connection *gone)
{
	struct server_connection *previous = NULL, *at = pool->first;

	while (at && at != gone) {
		previous = at;
		at = server_connection_next(at);
	}
	if (!previous)
		pool->first = server_connection_next(gone);
	else
		server_connection_link(previous, server_connection_next(gone));
}

static void on_ready(void *ctx, struct server_connection *connection,
		     const struct smtp_offer *offer);
static void on_progress(void *ctx);
static void on_lost(void *ctx, const struct server_connection *connection,
		    const struct send_loss *loss);

static void open_until(struct pool *pool, unsigned wanted)
{
	static const struct server_connection_handler handler = { on_ready, on_progress,
								  on_lost };

	for (unsigned have = pool_count(pool); have < wanted; have++) {
		struct server_connection *connection = server_connection_start(
						 &pool->shared, &handler, pool),
					 *last;

		for (last = pool->first; last && server_connection_next(last);)
			last = server_connection_next(last);
		if (last)
			server_connection_link(last, connection);
		else
			pool->first = connection;
	}
}

static void grow(struct pool *pool)
{
	const struct server_connection_shared *shared = &pool->shared;
	const struct queue *queue = &shared->outbound->queue;
	unsigned have = pool_count(pool), busy = (unsigned)sum(pool, is_busy);
	size_t left = queue_left(queue);

	if (busy > pool->most)
		pool->most = busy;
	if (!have || shared->gate != GATE_OPEN || !left)
		return;
	if (!pool->was_ready)
		open_until(pool, bounded(pool, pool->at_once));
	else
		open_until(pool,
			   bounded(pool,
				   pace_lanes(&shared->pace, queue->left_bytes / left,
					      shared->turns, busy == have ? have : 1)));
}

/* A connection that has carried all it may makes room for a new one. */
static void renew_full(struct pool *pool)
{
	struct server_connection *next;
	bool is_any_closed = false;

	for (struct server_connection *at = pool->first; at; at = next) {
		next = server_connection_next(at);
		if (!server_connection_is_ready(at) || !server_connection_is_full(at) ||
		    !server_connection_is_drained(at))
			continue;
		unlink_connection(pool, at);
		server_connection_close(at);
		is_any_closed = true;
	}
	if (is_any_closed)
		pool_reconnect(pool);
}

/* The first of two to be ready has won. If nothing is lost on the link, one is enough. */
static void end_race(struct pool *pool)
{
	struct server_connection *next;

	if (!pool->was_ready || !pool->is_racing)
		return;
	pool->is_racing = false;
	if (pool->shared.pace.lost_permille)
		return;
	for (struct server_connection *at = pool->first; at; at = next) {
		next = server_connection_next(at);
		if (server_connection_is_ready(at))
			continue;
		unlink_connection(pool, at);
		server_connection_close(at);
	}
}

static void on_ready(void *ctx, struct server_connection *connection,
		     const struct smtp_offer *offer)
{
	struct pool *pool = ctx;
	struct server_connection_shared *shared = &pool->shared;

	if (!offer->pipelining)
		shared->turns = TURNS_ONE_BY_ONE;
	else if (!offer->chunking)
		shared->turns = TURNS_PIPELINED;
	else
		shared->turns = 0;
	pool->was_ready = true;
	shared->events->ready(shared->events_ctx, server_connection_dial(connection),
			      offer);
}

static bool is_any_full(const struct pool *pool)
{
	for (const struct server_connection *at = pool->first; at;
	     at = server_connection_next(at))
		if (server_connection_is_ready(at) && server_connection_is_full(at) &&
		    server_connection_is_drained(at))
			return true;
	return false;
}

static void on_renew(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	renew_full(watcher->data);
}

static void on_progress(void *ctx)
{
	struct pool *pool = ctx;

	end_race(pool);
	grow(pool);
	/* A connection is not closed from within its own event. */
	if (is_any_full(pool))
		ev_timer_start(pool->shared.loop, &pool->renew);
	if (pool_is_drained(pool))
		pool->shared.events->drained(pool->shared.events_ctx);
}

static void on_lost(void *ctx, const struct server_connection *connection,
		    const struct send_loss *loss)
{
	struct pool *pool = ctx;
	unsigned left;

	unlink_connection(pool, connection);
	left = pool->was_ready ? pool->shared.connected : pool_count(pool);
	/* The server takes no more than those that stand. One that has carried mail was
	 * taken, and ended for another reason. */
	if (left && !loss->answered)
		pool->limit = pool_count(pool);
	pool->shared.events->lost(pool->shared.events_ctx, loss, left);
}

static void on_second(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct pool *pool = watcher->data;

	(void)loop;
	(void)events;
	if (pool->was_ready || pool->shared.gate != GATE_OPEN || pool_count(pool) != 1)
		return;
	pool->is_racing = true;
	open_until(pool, bounded(pool, 2));
}

static void on_moved(void *ctx)
{
	struct pool *pool = ctx;

	/* Nothing has answered at the old addresses so far. */
	if (pool->was_ready)
		return;
	for (struct server_connection *at = pool->first; at;
	     at = server_connection_next(at))
		server_connection_redial(at);
}

void pool_begin(struct pool *pool, const struct pool_setup *setup)
{
	struct outbound *outbound = setup->outbound;
	const struct smarthost_note *note = &outbound->note;

	*pool = (struct pool){
		.shared = { .loop = setup->loop,
			    .outbound = outbound,
			    .cache = &pool->cache,
			    .path = setup->path,
			    .quota = setup->quota,
			    .most_messages = outbound->smarthost.indoubt,
			    .events = setup->events,
			    .events_ctx = setup->events_ctx },
		.cache = { .outbound = outbound, .on_moved = on_moved, .ctx = pool }
	};
	ev_timer_init(&pool->renew, on_renew, 0., 0.);
	ev_timer_init(&pool->second, on_second, SECOND_S, 0.);
	pool->renew.data = pool->second.data = pool;
	/* A process for one mail host is given one connection. */
	if (outbound->job)
		pool->limit = 1;
	/* What another link took says nothing about this one. */
	if (strcmp(note->link, setup->path->link.name) != 0)
		return;
	pool->shared.mss = (unsigned)note->mss;
	pool->shared.pace.rtt_us = note->rtt_us;
	pool->shared.pace.bytes_per_s = note->bytes_per_s;
	pool->shared.pace.filled = note->filled;
	pace_recall_losses(&pool->shared.pace, note->lost_permille);
	if (!note->last_error[0])
		pool->at_once = least(PACE_LANES_MAX, note->lanes);
	if (pool->at_once < pace_lanes(&pool->shared.pace, 0, 0, 0))
		pool->at_once = pace_lanes(&pool->shared.pace, 0, 0, 0);
}

static void on_secret(void *ctx, char *secret, const struct err *err)
{
	struct pool *pool = ctx;
	const struct link_path *path = pool->shared.path;

	if (err) {
		const struct send_loss loss = { .why = *err };

		pool->shared.events->lost(pool->shared.events_ctx, &loss, 0);
		return;
	}
	pool->shared.secret = secret;
	server_cache_recall(&pool->cache, pool->shared.loop,
			    &(struct server_cache_way){ path->link.dns, path->bind_to });
	open_until(pool, 1);
	grow(pool);
	if (!pool->shared.pace.rtt_us)
		ev_timer_start(pool->shared.loop, &pool->second);
}

void pool_connect(struct pool *pool)
{
	const struct outbound *outbound = pool->shared.outbound;
	struct remote_account account = remote_account_of_smarthost(
		&outbound->smarthost, outbound->settings.helohost);

	remote_secret_ask(
		&pool->secret, pool->shared.loop,
		&(struct remote_secret_request){ .account = &account,
						 .control_fd = outbound->control_fd,
						 .handler = on_secret,
						 .ctx = pool });
}

void pool_reconnect(struct pool *pool)
{
	if (pool->shared.gate == GATE_OPEN && !pool->first &&
	    queue_left(&pool->shared.outbound->queue))
		open_until(pool, 1);
}

void pool_renew(struct pool *pool)
{
	pool->shared.generation++;
}

void pool_pump(struct pool *pool)
{
	struct server_connection *next;

	for (struct server_connection *at = pool->first; at; at = next) {
		next = server_connection_next(at);
		server_connection_pump(at);
	}
}

void pool_close(struct pool *pool)
{
	if (pool->shared.loop) {
		ev_timer_stop(pool->shared.loop, &pool->renew);
		ev_timer_stop(pool->shared.loop, &pool->second);
	}
	while (pool->first) {
		struct server_connection *connection = pool->first;

		pool->first = server_connection_next(connection);
		server_connection_close(connection);
	}
	remote_secret_stop(&pool->secret);
	server_cache_keep(&pool->cache);
	remote_secret_wipe(pool->shared.secret);
	pool->shared.secret = NULL;
}

void pool_note(const struct pool *pool, struct smarthost_note *note)
{
	const struct pace *pace = &pool->shared.pace;

	snprintf(note->link, sizeof(note->link), "%s", pool->shared.path->link.name);
	note->rtt_us = pace->rtt_us;
	note->bytes_per_s = pace->bytes_per_s;
	note->filled = pace->filled;
	note->lost_permille = pace->lost_permille;
	note->mss = pool->shared.mss;
	/* Of a race nothing is to be learnt. */
	note->lanes = pool->shared.turns || pace->lost_permille ? pool->most : 1;
	if (pool->limit && note->lanes > pool->limit)
		note->lanes = pool->limit;
}
