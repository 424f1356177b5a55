#include "programs/lontar-flush/lanes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "programs/lontar-flush/session.h"
#include "smtp/client_offer.h"

/* Without PIPELINING each of MAIL, RCPT, DATA and the body waits; with it only the body
 * does, since the next envelope rides behind its dot. */
#define TURNS_ONE_BY_ONE 4
#define TURNS_PIPELINED  1

static unsigned count(const struct flush *flush)
{
	unsigned lanes = 0;

	for (const struct session *at = flush->lanes.first; at; at = session_next(at))
		lanes++;
	return lanes;
}

unsigned lanes_connected(const struct flush *flush)
{
	unsigned lanes = 0;

	for (const struct session *at = flush->lanes.first; at; at = session_next(at))
		lanes += session_is_connected(at);
	return lanes;
}

static unsigned busy(const struct flush *flush)
{
	unsigned lanes = 0;

	for (const struct session *at = flush->lanes.first; at; at = session_next(at))
		lanes += session_is_connected(at) && !session_is_drained(at);
	return lanes;
}

static unsigned least(unsigned one, uint64_t other)
{
	return other < one ? (unsigned)other : one;
}

/* `lanes`, as far as settings, server and queue allow. */
static unsigned bounded(const struct flush *flush, unsigned lanes)
{
	lanes = least(lanes, flush->settings.concurrencyremote);
	if (flush->smarthost.indoubt)
		lanes = least(lanes, flush->smarthost.indoubt);
	if (flush->lanes.limit)
		lanes = least(lanes, flush->lanes.limit);
	/* One that would carry less than two messages is not worth its greeting. */
	return least(lanes, count(flush) + queue_left(&flush->queue) / 2);
}

static uint64_t message_bytes(const struct flush *flush)
{
	size_t left = queue_left(&flush->queue);

	return left ? flush->queue.left_bytes / left : 0;
}

static void open_until(struct flush *flush, unsigned lanes)
{
	for (unsigned have = count(flush); have < lanes; have++)
		session_start(flush);
}

void lanes_grow(struct flush *flush)
{
	struct lanes *lanes = &flush->lanes;
	unsigned have = count(flush), working = busy(flush);

	if (working > lanes->most)
		lanes->most = working;
	if (!have || flush->stopping || !queue_left(&flush->queue))
		return;
	if (!flush->connected)
		open_until(flush, bounded(flush, lanes->begin));
	else if (lanes->turns)
		open_until(flush,
			   bounded(flush,
				   pace_lanes(&lanes->pace, message_bytes(flush),
					      lanes->turns, working == have ? have : 1)));
}

void lanes_recall(struct flush *flush)
{
	struct lanes *lanes = &flush->lanes;
	const struct smarthost_note *note = &flush->note;

	/* What another link took says nothing about this one. */
	if (strcmp(note->link, lanes->link.name) != 0)
		return;
	lanes->pace.rtt_us = note->rtt_us;
	lanes->pace.bytes_per_s = note->bytes_per_s;
	lanes->pace.filled = note->filled;
	if (!note->last_error[0])
		lanes->begin = least(PACE_LANES_MAX, note->lanes);
}

void lanes_begin(struct flush *flush)
{
	server_recall(flush);
	flush->doing = "connecting";
	session_start(flush);
	lanes_grow(flush);
}

void lanes_give_up(struct flush *flush, const struct err *err)
{
	log_failure(err);
	flush_blame(flush, err);
	flush->lost = true;
	flush_end(flush);
}

static void on_token(void *ctx, char *token, struct err *err)
{
	struct flush *flush = ctx;

	flush->lanes.secret = token;
	if (token) {
		lanes_begin(flush);
		return;
	}
	err_context(err, "smarthost %s", flush->smarthost.name);
	if (err->kind == ERR_PERMANENT)
		flush_hold(flush, err);
	lanes_give_up(flush, err);
}

static bool ask_token(struct flush *flush, struct err *err)
{
	const struct smarthost *smarthost = &flush->smarthost;
	const struct token_request request = { .command = smarthost->tokencommand,
					       .login = smarthost->login,
					       .done = on_token,
					       .ctx = flush };

	return token_ask(&flush->token, flush->loop, flush->control_fd, &request, err) ||
	       err_context(err, "smarthost %s", smarthost->name);
}

bool lanes_start(struct flush *flush, struct err *err)
{
	struct lanes *lanes = &flush->lanes;
	const struct smarthost *smarthost = &flush->smarthost;

	if (smarthost->user && smarthost->tokencommand && !smarthost->passwordfile &&
	    !smarthost->tokenfile)
		return ask_token(flush, err);
	if (smarthost->user) {
		lanes->secret = smarthost_secret(flush->control_fd, smarthost, err);
		if (!lanes->secret)
			return false;
	}
	lanes_begin(flush);
	return true;
}

uint64_t lanes_used(const struct flush *flush)
{
	uint64_t bytes = 0;

	for (const struct session *at = flush->lanes.first; at; at = session_next(at))
		bytes += session_used(at);
	return bytes;
}

uint64_t lanes_begun_cost(const struct flush *flush)
{
	uint64_t bytes = 0;

	for (const struct session *at = flush->lanes.first; at; at = session_next(at))
		bytes += session_begun_cost(at);
	return bytes;
}

void lanes_note(const struct flush *flush, struct smarthost_note *note)
{
	const struct lanes *lanes = &flush->lanes;

	snprintf(note->link, sizeof(note->link), "%s", lanes->link.name);
	note->rtt_us = lanes->pace.rtt_us;
	note->bytes_per_s = lanes->pace.bytes_per_s;
	note->filled = lanes->pace.filled;
	note->lanes = lanes->most;
	if (lanes->limit && note->lanes > lanes->limit)
		note->lanes = lanes->limit;
}

void lanes_go_on(struct flush *flush)
{
	struct session *next;

	for (struct session *at = flush->lanes.first; at; at = next) {
		next = session_next(at);
		session_go_on(at);
	}
}

void lanes_redial(struct flush *flush)
{
	for (struct session *at = flush->lanes.first; at; at = session_next(at))
		session_redial(at);
}

void lanes_close(struct flush *flush)
{
	while (flush->lanes.first)
		session_close(flush->lanes.first);
	token_stop(&flush->token);
	server_keep(flush);
	if (flush->lanes.secret)
		explicit_bzero(flush->lanes.secret, strlen(flush->lanes.secret));
	free(flush->lanes.secret);
	flush->lanes.secret = NULL;
}

bool lanes_are_drained(const struct flush *flush)
{
	return busy(flush) == 0;
}

size_t lanes_unanswered(const struct flush *flush)
{
	size_t messages = 0;

	for (const struct session *at = flush->lanes.first; at; at = session_next(at))
		messages += session_unanswered(at);
	return messages;
}

bool lanes_has(const struct flush *flush, const char *id)
{
	for (const struct session *at = flush->lanes.first; at; at = session_next(at))
		if (session_has(at, id))
			return true;
	return false;
}

uint64_t lanes_bytes_out(const struct flush *flush)
{
	uint64_t bytes = 0;

	for (const struct session *at = flush->lanes.first; at; at = session_next(at))
		bytes += session_bytes_out(at);
	return bytes;
}

void lanes_ready(struct flush *flush, const struct smtp_offer *offer)
{
	struct lanes *lanes = &flush->lanes;

	if (!offer->pipelining)
		lanes->turns = TURNS_ONE_BY_ONE;
	else if (!offer->chunking)
		lanes->turns = TURNS_PIPELINED;
	else
		lanes->turns = 0;
	flush->connected = true;
}

void lanes_lost(struct flush *flush, const struct err *err, bool uncertain)
{
	unsigned left = count(flush);

	if (uncertain || !left)
		flush_blame(flush, err);
	/* While others stand, or may still come to be, it is not the smarthost that is
	 * gone. */
	if (flush->connected ? lanes_connected(flush) > 0 : left > 0) {
		log_info("flush smarthost=%s connections=%u reason=%s",
			 flush->smarthost.name, left, err->text);
		flush->lanes.limit = left;
		flush_look_again(flush);
		return;
	}
	flush_blame(flush, err);
	if (err->kind == ERR_PERMANENT && !flush->connected && !flush->destination)
		flush_hold(flush, err);
	flush->lost = true;
	flush_end(flush);
}
