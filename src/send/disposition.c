/*
 * The order of the steps is the promise: a bounce is durable before its recipient is
 * settled, and every recipient is settled before the file goes. A step that fails leaves
 * the message where it was, to be tried again; it is never dropped.
 */
#include "send/disposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/bounce.h"
#include "link/order.h"
#include "mail/dsn.h"
#include "send/delivery_log.h"
#include "send/mx_job.h"

static const char too_old[] = "I'm not going to try again; this message has been in the "
			      "queue too long.";

static void rename_to(struct outbound *outbound, struct parked_name *name,
		      const struct parked_name *to)
{
	struct err err = { 0 };

	if (!queue_rename(&outbound->queue, name, to, &err))
		log_failure(&err);
}

/* A message that another program put here, or from before the count of link-up time was
 * lost, begins to age now. */
static void count_from_now(const struct outbound *outbound, struct parked_name *name)
{
	uint64_t up_s = link_up_seconds(outbound->root_fd);

	if (!name->link_up_s || name->link_up_s > up_s)
		name->link_up_s = up_s;
}

static void wait_again(struct outbound *outbound, struct outgoing *message,
		       const struct disposition_wait *wait)
{
	struct parked_name to = message->name;

	to.state = wait->is_held        ? PARKED_HELD
		   : wait->is_uncertain ? PARKED_UNCERTAIN
					: PARKED_WAITING;
	if (wait->is_uncertain) {
		to.attempts++;
		to.not_before =
			clock_wall_s() + (int64_t)outbound->settings.uncertainwait_s;
	} else if (wait->is_attempt) {
		to.attempts++;
		to.not_before = clock_wall_s() + order_backoff_s(to.attempts);
		count_from_now(outbound, &to);
	}
	if (wait->not_before && !wait->is_uncertain &&
	    (!wait->is_attempt || wait->not_before > to.not_before))
		to.not_before = wait->not_before;
	rename_to(outbound, &message->name, &to);
}

static void remove_file(struct outbound *outbound, struct outgoing *message)
{
	struct err err = { 0 };

	if (queue_remove(&outbound->queue, &message->name, &err))
		log_info("end msg %" PRIu64, message->inode);
	else
		log_failure(&err);
}

static size_t count_of(const struct smtp_client_result *result, enum smtp_verdict verdict)
{
	size_t count = 0;

	for (size_t i = 0; i < result->count; i++)
		count += result->answers[i].verdict == verdict;
	return count;
}

static size_t gather_bounced(const struct outbound *outbound,
			     const struct outgoing *message,
			     const struct smtp_client_result *result,
			     char (*replies)[DELIVERY_REPLY_MAX],
			     struct dsn_recipient *told)
{
	size_t count = 0;

	for (size_t i = 0; i < result->count; i++) {
		const struct smtp_client_answer *answer = &result->answers[i];

		if (answer->verdict != SMTP_PERMANENT)
			continue;
		told[count++] = (struct dsn_recipient){
			.address = message->recipients[i],
			.status = answer->reply.status,
			.remote_host =
				answer->reply.code ? outbound->smarthost.host : NULL,
			.reply = delivery_log_reply(answer, replies[i]),
			.cause = answer->stage == SMTP_AT_BODY ? message->left_why : NULL,
		};
	}
	return count;
}

/* Tells the sender about all that are refused for good. False: the bounce could not be
 * made durable, so the recipients stay. */
static bool tell_sender(struct outbound *outbound, const struct outgoing *message,
			const struct smtp_client_result *result)
{
	struct dsn_recipient *told = must_alloc(result->count * sizeof(*told));
	char(*replies)[DELIVERY_REPLY_MAX] = must_alloc(result->count * sizeof(*replies));
	struct bounce bounce = { .root_fd = outbound->root_fd,
				 .settings = &outbound->settings,
				 .name = &message->name,
				 .envelope = &message->envelope,
				 .message_fd = message->fd,
				 .action = DSN_FAILED,
				 .recipients = told,
				 .count = gather_bounced(outbound, message, result,
							 replies, told) };
	struct err err = { 0 };
	bool is_done = bounce_send(&bounce, &err);

	if (!is_done) {
		log_failure(&err);
		outbound_blame(outbound, &err);
	} else if (strcmp(message->envelope.sender, BOUNCE_DOUBLE_SENDER) == 0) {
		log_info("triple bounce: discarding bounce/%" PRIu64, message->inode);
	} else {
		log_info("bounce msg %" PRIu64 " qp %ld", message->inode, (long)getpid());
	}
	free(told);
	free(replies);
	return is_done;
}

static void settle_recipients(struct outbound *outbound, struct outgoing *message,
			      const struct smtp_client_result *result)
{
	struct err err = { 0 };

	for (size_t i = 0; i < result->count; i++)
		if (result->answers[i].verdict != SMTP_TEMPORARY &&
		    !parked_settle(outbound->parked, message->fd, message->unsettled[i],
				   &err))
			log_failure(&err);
}

static void expire(struct smtp_client_answer *answer)
{
	char text[SMTP_REPLY_TEXT_MAX];

	snprintf(text, sizeof(text), "%.250s (%u) %s", answer->reply.text,
		 answer->reply.code, too_old);
	answer->verdict = SMTP_PERMANENT;
	answer->reply.code = 0;
	snprintf(answer->reply.status, sizeof(answer->reply.status), "5.4.7");
	memcpy(answer->reply.text, text, sizeof(text));
}

/* Recipients that were told to wait have waited long enough: they are bounced. */
static void expire_old(const struct outbound *outbound, const struct outgoing *message,
		       struct smtp_client_result *result)
{
	struct order_age age = { .now = clock_wall_s(),
				 .lifetime_s = outbound->settings.queuelifetime_s,
				 .ceiling_s = outbound->settings.queueceiling_s };

	if (!count_of(result, SMTP_TEMPORARY))
		return;
	age.link_up_s = link_up_seconds(outbound->root_fd);
	if (!order_is_expired(&message->name, &age))
		return;
	for (size_t i = 0; i < result->count; i++)
		if (result->answers[i].verdict == SMTP_TEMPORARY)
			expire(&result->answers[i]);
}

static void blame_deferral(struct outbound *outbound,
			   const struct smtp_client_result *result)
{
	struct err err = { 0 };
	char reply[DELIVERY_REPLY_MAX];

	for (size_t i = 0; i < result->count; i++) {
		if (result->answers[i].verdict != SMTP_TEMPORARY)
			continue;
		err_temporary(&err, result->answers[i].reply.status, "%s: %s",
			      outbound->smarthost.host,
			      delivery_log_reply(&result->answers[i], reply));
		outbound_blame(outbound, &err);
		return;
	}
}

/* Bounces what is refused for good; what could not be bounced waits. Returns how many
 * recipients were bounced. */
static size_t bounce_refused(struct outbound *outbound, const struct outgoing *message,
			     struct smtp_client_result *result)
{
	size_t refused = count_of(result, SMTP_PERMANENT);

	if (!refused || tell_sender(outbound, message, result))
		return refused;
	for (size_t i = 0; i < result->count; i++)
		if (result->answers[i].verdict == SMTP_PERMANENT)
			result->answers[i].verdict = SMTP_TEMPORARY;
	return 0;
}

bool disposition_settle(struct outbound *outbound, struct outgoing *message,
			struct smtp_client_result *result,
			const struct disposition_wait *wait)
{
	size_t accepted = count_of(result, SMTP_ACCEPTED), refused;
	bool is_done, has_more = message->more;

	if (wait->is_attempt)
		expire_old(outbound, message, result);
	refused = bounce_refused(outbound, message, result);
	is_done = accepted + refused == result->count;
	for (size_t i = 0; i < result->count; i++)
		delivery_log_end(outbound, message, i, &result->answers[i]);
	outbound->counters.refused += refused != 0;
	if (accepted) {
		outbound->counters.sent++;
		outbound->counters.sent_bytes += message->wire_bytes;
	}
	if (is_done && !has_more) {
		remove_file(outbound, message);
	} else {
		const struct disposition_wait none = { .is_attempt = false };

		settle_recipients(outbound, message, result);
		blame_deferral(outbound, result);
		outbound->counters.deferred += !is_done && wait->is_attempt;
		wait_again(outbound, message, is_done ? &none : wait);
	}
	smtp_client_result_free(result);
	outgoing_free(message);
	return has_more;
}

void disposition_postpone(struct outbound *outbound, struct outgoing *message,
			  int64_t not_before)
{
	const struct disposition_wait wait = { .not_before = not_before };

	wait_again(outbound, message, &wait);
	outgoing_free(message);
}

void disposition_record_held(struct outbound *outbound, const char *id, const char *what,
			     const struct err *why)
{
	struct stop stop = { .scope = "person", .since = clock_wall_s() };

	log_error("held smarthost=%s id=%s reason=%s", outbound->smarthost.name, id,
		  why->text);
	outbound_blame(outbound, why);
	snprintf(stop.key, sizeof(stop.key), "%s", id);
	snprintf(stop.what, sizeof(stop.what), "%s", what);
	snprintf(stop.reason, sizeof(stop.reason), "%.*s", STOP_REASON_MAX - 1,
		 why->text);
	snprintf(stop.mend, sizeof(stop.mend),
		 "\"lontar release %s\" sends it again, \"lontar drop %s\" returns it to "
		 "its sender.",
		 id, id);
	stops_put(&outbound->stops, &stop);
}

/* Another try cannot help, and the sender cannot be told what is wrong with the file. */
static void hold_damaged(struct outbound *outbound, struct parked_name *name,
			 const struct err *why)
{
	struct parked_name to = *name;

	disposition_record_held(outbound, name->id, "the file is damaged", why);
	to.state = PARKED_HELD;
	rename_to(outbound, name, &to);
}

/* The same answer, which no server gave, for each recipient. */
static void settle_here(struct outbound *outbound, struct outgoing *message,
			enum smtp_verdict verdict, const char *status, const char *text)
{
	const struct disposition_wait wait = { .is_attempt = true };
	struct smtp_client_result *result = must_alloc(sizeof(*result));
	struct smtp_client_answer answer = { .verdict = verdict, .stage = SMTP_AT_START };

	snprintf(answer.reply.status, sizeof(answer.reply.status), "%s", status);
	snprintf(answer.reply.text, sizeof(answer.reply.text), "%.*s",
		 (int)sizeof(answer.reply.text) - 1, text);
	result->count = message->count;
	result->answers = must_alloc(message->count * sizeof(answer));
	for (size_t i = 0; i < message->count; i++)
		result->answers[i] = answer;
	delivery_log_begin(outbound, message);
	(void)disposition_settle(outbound, message, result, &wait);
}

static void bounce_too_large(struct outbound *outbound, struct outgoing *message)
{
	settle_here(outbound, message, SMTP_PERMANENT, "5.3.4",
		    "the message is larger than this way out takes (maxsize)");
}

/* All its recipients were settled, and the power went before the file did. */
static void remove_empty(struct outbound *outbound, struct outgoing *message)
{
	remove_file(outbound, message);
	outgoing_free(message);
}

static void retry_unreadable(struct outbound *outbound, struct parked_name *name,
			     const struct err *why)
{
	struct parked_name to = *name;

	log_failure(why);
	outbound_blame(outbound, why);
	to.state = PARKED_WAITING;
	to.attempts++;
	to.not_before = clock_wall_s() + order_backoff_s(to.attempts);
	rename_to(outbound, name, &to);
}

/* Recipients that are another host's, or at another domain, are left out of this turn. */
static void limit_recipients(const struct outbound *outbound, const char *domain,
			     struct outgoing *message)
{
	if (outbound->job)
		mx_job_limit(outbound->job, message);
	else if (domain)
		mx_job_limit_to(domain, message);
}

struct outgoing *disposition_open(struct outbound *outbound, struct parked_name *name,
				  const char *domain, const struct convert_need *need)
{
	uint64_t maxsize = outbound->smarthost.maxsize;
	struct err err = { 0 };
	const struct outgoing_terms terms = { .rewrites = &outbound->rewrites,
					      .most_recipients =
						      outbound->most_recipients,
					      .null_sender =
						      outbound->smarthost.nullsender,
					      .need = *need };
	struct outgoing *message = outgoing_open(outbound->parked, name, &terms, &err);

	if (!message && err.exit_code == EX_NOINPUT)
		return NULL;
	if (!message) {
		if (err.kind == ERR_PERMANENT)
			hold_damaged(outbound, name, &err);
		else
			retry_unreadable(outbound, name, &err);
		return NULL;
	}
	limit_recipients(outbound, domain, message);
	if (message->count && maxsize && message->wire_bytes > maxsize)
		bounce_too_large(outbound, message);
	else if (message->count)
		return message;
	else if (message->more)
		disposition_postpone(outbound, message, message->name.not_before);
	else
		remove_empty(outbound, message);
	return NULL;
}

void disposition_undeliverable(struct outbound *outbound, const struct parked_name *name,
			       const char *domain, const struct err *why)
{
	static const struct convert_need none = { .seven_bit = false };
	struct parked_name now = *name;
	struct outgoing *message =
		disposition_open(outbound, &now, domain[0] ? domain : NULL, &none);

	if (message)
		settle_here(outbound, message,
			    why->kind == ERR_PERMANENT ? SMTP_PERMANENT : SMTP_TEMPORARY,
			    why->status[0] ? why->status : "4.4.0", why->text);
}
