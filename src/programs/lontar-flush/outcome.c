#include "programs/lontar-flush/outcome.h"

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
#include "programs/lontar-flush/deliveries.h"
#include "programs/lontar-flush/destination.h"
#include "programs/lontar-flush/session.h"

#define AGAIN_MAX 100 /* messages begun anew in one flush, for the server's sake */

static const char too_old[] = "I'm not going to try again; this message has been in the "
			      "queue too long.";

static void rename_to(struct flush *flush, struct mail *mail,
		      const struct parked_name *to)
{
	struct err err = { 0 };

	if (!queue_rename(&flush->queue, &mail->name, to, &err))
		log_failure(&err);
}

/* One that another program put here, or from before the count of link-up time was lost.
 */
static void count_from_now(const struct flush *flush, struct parked_name *name)
{
	uint64_t up_s = link_up_seconds(flush->root_fd);

	if (!name->link_up_s || name->link_up_s > up_s)
		name->link_up_s = up_s;
}

static void stay(struct flush *flush, struct mail *mail, bool tried)
{
	struct parked_name to = mail->name;

	to.state = PARKED_WAITING;
	if (tried) {
		to.attempts++;
		to.not_before = clock_wall_s() + order_backoff_s(to.attempts);
		count_from_now(flush, &to);
	}
	rename_to(flush, mail, &to);
}

static void remove_mail(struct flush *flush, struct mail *mail)
{
	struct err err = { 0 };

	if (queue_remove(&flush->queue, &mail->name, &err))
		log_info("end msg %" PRIu64, mail->inode);
	else
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

/* Tells the sender about all that are refused for good. False: he could not be told, so
 * they stay. */
static bool tell_sender(struct flush *flush, const struct mail *mail,
			const struct smtp_client_result *result)
{
	struct dsn_recipient *told = must_alloc(result->count * sizeof(*told));
	char(*replies)[DELIVERIES_REPLY_MAX] =
		must_alloc(result->count * sizeof(*replies));
	struct bounce bounce = { .root_fd = flush->root_fd,
				 .settings = &flush->settings,
				 .name = &mail->name,
				 .envelope = &mail->envelope,
				 .message_fd = mail->fd,
				 .action = DSN_FAILED,
				 .recipients = told };
	struct err err = { 0 };
	bool done;

	for (size_t i = 0; i < result->count; i++) {
		const struct smtp_client_answer *answer = &result->answers[i];

		if (answer->verdict != SMTP_PERMANENT)
			continue;
		told[bounce.count++] = (struct dsn_recipient){
			.address = mail->recipients[i],
			.status = answer->reply.status,
			.remote_host = answer->reply.code ? flush->smarthost.host : NULL,
			.reply = deliveries_reply(answer, replies[i]),
			.cause = answer->stage == SMTP_AT_BODY ? mail->left_why : NULL,
		};
	}
	done = bounce.count == 0 || bounce_send(&bounce, &err);
	if (!done) {
		log_failure(&err);
		flush_blame(flush, &err);
	} else if (bounce.count &&
		   strcmp(mail->envelope.sender, BOUNCE_DOUBLE_SENDER) == 0) {
		log_info("triple bounce: discarding bounce/%" PRIu64, mail->inode);
	} else if (bounce.count) {
		log_info("bounce msg %" PRIu64 " qp %ld", mail->inode, (long)getpid());
	}
	free(told);
	free(replies);
	return done;
}

static size_t count_of(const struct smtp_client_result *result, enum smtp_verdict verdict)
{
	size_t count = 0;

	for (size_t i = 0; i < result->count; i++)
		count += result->answers[i].verdict == verdict;
	return count;
}

static void settle(struct flush *flush, struct mail *mail,
		   const struct smtp_client_result *result)
{
	struct err err = { 0 };

	for (size_t i = 0; i < result->count; i++)
		if (result->answers[i].verdict != SMTP_TEMPORARY &&
		    !parked_settle(flush->parked, mail->fd, mail->unsettled[i], &err))
			log_failure(&err);
}

/* Those who are told to wait have waited long enough: it goes back. */
static void expire_old(const struct flush *flush, const struct mail *mail,
		       struct smtp_client_result *result)
{
	struct order_age age = { .now = clock_wall_s(),
				 .lifetime_s = flush->settings.queuelifetime_s,
				 .ceiling_s = flush->settings.queueceiling_s };

	if (!count_of(result, SMTP_TEMPORARY))
		return;
	age.link_up_s = link_up_seconds(flush->root_fd);
	if (!order_is_expired(&mail->name, &age))
		return;
	for (size_t i = 0; i < result->count; i++)
		if (result->answers[i].verdict == SMTP_TEMPORARY)
			expire(&result->answers[i]);
}

static void blame_deferral(struct flush *flush, const struct smtp_client_result *result)
{
	struct err err = { 0 };
	char reply[DELIVERIES_REPLY_MAX];

	for (size_t i = 0; i < result->count; i++) {
		if (result->answers[i].verdict != SMTP_TEMPORARY)
			continue;
		err_temporary(&err, result->answers[i].reply.status, "%s: %s",
			      flush->smarthost.host,
			      deliveries_reply(&result->answers[i], reply));
		flush_blame(flush, &err);
		return;
	}
}

/* Every recipient's verdict is final for this turn. Frees both. */
static void finish(struct flush *flush, struct mail *mail,
		   struct smtp_client_result *result)
{
	size_t accepted = count_of(result, SMTP_ACCEPTED);
	size_t refused;

	expire_old(flush, mail, result);
	refused = count_of(result, SMTP_PERMANENT);
	if (refused && !tell_sender(flush, mail, result)) {
		for (size_t i = 0; i < result->count; i++)
			if (result->answers[i].verdict == SMTP_PERMANENT)
				result->answers[i].verdict = SMTP_TEMPORARY;
		refused = 0;
	}
	for (size_t i = 0; i < result->count; i++)
		deliveries_end(flush, mail, i, &result->answers[i]);
	flush->tally.refused += refused != 0;
	if (accepted) {
		flush->tally.sent++;
		flush->tally.sent_bytes += mail->wire_bytes;
	}
	if (accepted + refused == result->count && !mail->more) {
		remove_mail(flush, mail);
	} else {
		settle(flush, mail, result);
		blame_deferral(flush, result);
		flush->tally.deferred += accepted + refused < result->count;
		stay(flush, mail, accepted + refused < result->count);
		if (mail->more)
			flush_look_again(flush);
	}
	smtp_client_result_free(result);
	mail_free(mail);
}

static const struct smtp_client_answer *first_of(const struct smtp_client_result *result,
						 enum smtp_verdict verdict)
{
	for (size_t i = 0; i < result->count; i++)
		if (result->answers[i].verdict == verdict)
			return &result->answers[i];
	return NULL;
}

/* 5xx that are about us and not about a recipient: RFC 4954 codes at any time, and
 * whatever refuses MAIL unless it says that the message is too large. */
static bool is_about_us(const struct smtp_client_answer *answer)
{
	unsigned code = answer->reply.code;

	if (answer->verdict != SMTP_PERMANENT)
		return false;
	if (code == 530 || code == 535 || code == 538)
		return true;
	return answer->stage == SMTP_AT_MAIL && code != 552 &&
	       strcmp(answer->reply.status, "5.3.4") != 0;
}

/* As stay, for the recipients that have no final verdict; frees both. */
static void keep(struct flush *flush, struct mail *mail,
		 struct smtp_client_result *result, bool tried)
{
	for (size_t i = 0; i < result->count; i++) {
		if (result->answers[i].verdict == SMTP_PERMANENT)
			result->answers[i].verdict = SMTP_TEMPORARY;
		deliveries_end(flush, mail, i, &result->answers[i]);
	}
	settle(flush, mail, result);
	stay(flush, mail, tried);
	smtp_client_result_free(result);
	mail_free(mail);
}

/* The text without the recipient's address in it, for a refusal that is not about
 * addresses: "relay access denied" names another one each time. */
static void general_text(const struct smtp_client_answer *answer, const char *recipient,
			 char out[SMTP_REPLY_TEXT_MAX])
{
	const char *at = strstr(answer->reply.text, recipient);

	if (!at || strncmp(answer->reply.status, "5.1.", 4) == 0)
		snprintf(out, SMTP_REPLY_TEXT_MAX, "%s", answer->reply.text);
	else
		snprintf(out, SMTP_REPLY_TEXT_MAX, "%.*s*%s",
			 (int)(at - answer->reply.text), answer->reply.text,
			 at + strlen(recipient));
}

static bool same_refusal(const struct mail *one, const struct smtp_client_result *mine,
			 const struct mail *other)
{
	const struct smtp_client_answer *a = first_of(mine, SMTP_PERMANENT);
	const struct smtp_client_answer *b = first_of(other->result, SMTP_PERMANENT);
	char text[SMTP_REPLY_TEXT_MAX], other_text[SMTP_REPLY_TEXT_MAX];

	general_text(a, one->recipients[a - mine->answers], text);
	general_text(b, other->recipients[b - other->result->answers], other_text);
	return a->reply.code == b->reply.code && strcmp(text, other_text) == 0;
}

static void hold_for(struct flush *flush, const struct smtp_client_answer *answer)
{
	char reply[DELIVERIES_REPLY_MAX];
	struct err err = { 0 };

	err_permanent(&err, answer->reply.status, "%s refuses: %s", flush->smarthost.host,
		      deliveries_reply(answer, reply));
	flush_hold(flush, &err);
}

/* Refused for good while nothing was accepted: is it the message, or are we not welcome?
 * It waits for a second one to tell. */
static void suspend(struct flush *flush, struct mail *mail,
		    struct smtp_client_result *result)
{
	for (const struct mail *other = flush->suspended; other; other = other->next)
		if (same_refusal(mail, result, other)) {
			hold_for(flush, first_of(result, SMTP_PERMANENT));
			break;
		}
	mail->result = result;
	mail->next = flush->suspended;
	flush->suspended = mail;
}

static void finish_suspended(struct flush *flush)
{
	while (flush->suspended) {
		struct mail *mail = flush->suspended;
		struct smtp_client_result *result = mail->result;

		flush->suspended = mail->next;
		mail->next = NULL;
		mail->result = NULL;
		finish(flush, mail, result);
	}
}

void outcome_suspended(struct flush *flush, bool decide)
{
	/* Others were told to wait: perhaps the server is not itself today. Whoever was
	 * refused before is not kept any longer. */
	bool unclear = flush->tally.deferred && !flush->accepted;

	while (flush->suspended) {
		struct mail *mail = flush->suspended;
		struct smtp_client_result *result = mail->result;

		flush->suspended = mail->next;
		mail->next = NULL;
		mail->result = NULL;
		if (decide && !(unclear && !mail->name.attempts))
			finish(flush, mail, result);
		else
			keep(flush, mail, result, decide);
	}
}

void outcome_result(struct flush *flush, struct mail *mail,
		    struct smtp_client_result *result)
{
	const struct smtp_client_answer *refusal = first_of(result, SMTP_PERMANENT);
	bool accepted = first_of(result, SMTP_ACCEPTED) != NULL;

	if (result->again && flush->begun_anew++ < AGAIN_MAX) {
		keep(flush, mail, result, false);
		flush_look_again(flush);
		return;
	}
	/* What one of many hosts says is about its own mail. */
	if (flush->destination) {
		finish(flush, mail, result);
		return;
	}
	for (size_t i = 0; i < result->count; i++)
		if (is_about_us(&result->answers[i])) {
			hold_for(flush, &result->answers[i]);
			keep(flush, mail, result, false);
			return;
		}
	if (accepted && !flush->accepted) {
		flush->accepted = true;
		finish_suspended(flush);
	}
	if (refusal && refusal->stage != SMTP_AT_START && !flush->accepted)
		suspend(flush, mail, result);
	else
		finish(flush, mail, result);
}

/* Ends what the log began. */
static void log_all(struct flush *flush, const struct mail *mail, const char *why)
{
	struct smtp_client_answer answer = { .verdict = SMTP_TEMPORARY };

	snprintf(answer.reply.status, sizeof(answer.reply.status), "4.4.2");
	snprintf(answer.reply.text, sizeof(answer.reply.text), "%s", why);
	for (size_t i = 0; i < mail->count; i++)
		deliveries_end(flush, mail, i, &answer);
}

void outcome_uncertain(struct flush *flush, struct mail *mail)
{
	struct parked_name to = mail->name;

	to.state = PARKED_UNCERTAIN;
	to.attempts++;
	to.not_before = clock_wall_s() + (int64_t)flush->settings.uncertainwait_s;
	log_all(flush, mail, "Connected but connection died. Possible duplicate!");
	rename_to(flush, mail, &to);
	mail_free(mail);
}

void outcome_unsent(struct flush *flush, struct mail *mail)
{
	log_all(flush, mail, "Connected but connection died.");
	stay(flush, mail, false);
	mail_free(mail);
}

/* What no server said, to each recipient. */
static void finish_here(struct flush *flush, struct mail *mail, enum smtp_verdict verdict,
			const char *status, const char *text)
{
	struct smtp_client_result *result = must_alloc(sizeof(*result));
	struct smtp_client_answer answer = { .verdict = verdict, .stage = SMTP_AT_START };

	snprintf(answer.reply.status, sizeof(answer.reply.status), "%s", status);
	snprintf(answer.reply.text, sizeof(answer.reply.text), "%.*s",
		 (int)sizeof(answer.reply.text) - 1, text);
	result->count = mail->count;
	result->answers = must_alloc(mail->count * sizeof(answer));
	for (size_t i = 0; i < mail->count; i++)
		result->answers[i] = answer;
	deliveries_begin(flush, mail);
	finish(flush, mail, result);
}

void outcome_too_large(struct flush *flush, struct mail *mail)
{
	finish_here(flush, mail, SMTP_PERMANENT, "5.3.4",
		    "the message is larger than this way out takes (maxsize)");
}

void outcome_undeliverable(struct flush *flush, const struct parked_name *name,
			   const char *domain, const struct err *why)
{
	struct parked_name now = *name;
	struct err err = { 0 };
	static const struct convert_need none = { .seven_bit = false };
	struct mail *mail = mail_open(flush->parked, name, &flush->rewrites, &none, &err);
	bool final = why->kind == ERR_PERMANENT;

	if (!mail && err.exit_code == EX_NOINPUT)
		return;
	if (mail && domain[0])
		destination_limit_to(domain, mail);
	if (!mail && err.kind == ERR_PERMANENT)
		outcome_broken(flush, &now, &err);
	else if (!mail)
		outcome_unreadable(flush, &now, &err);
	else if (!mail->count && mail->more)
		outcome_left(flush, mail);
	else if (!mail->count)
		outcome_nobody_left(flush, mail);
	else
		finish_here(flush, mail, final ? SMTP_PERMANENT : SMTP_TEMPORARY,
			    why->status[0] ? why->status : "4.4.0", why->text);
}

void outcome_left(struct flush *flush, struct mail *mail)
{
	stay(flush, mail, false);
	mail_free(mail);
}

/* A file that is not as it must be is held, with the reason in the log: trying again
 * cannot help, and its sender cannot be told what he did wrong. */
void outcome_broken(struct flush *flush, struct parked_name *name, const struct err *why)
{
	struct parked_name to = *name;
	struct err err = { 0 };

	log_error("held smarthost=%s id=%s reason=%s", flush->smarthost.name, name->id,
		  why->text);
	flush_blame(flush, why);
	to.state = PARKED_HELD;
	if (!queue_rename(&flush->queue, name, &to, &err))
		log_failure(&err);
}

/* All were settled, and the power went before the file did. */
void outcome_nobody_left(struct flush *flush, struct mail *mail)
{
	remove_mail(flush, mail);
	mail_free(mail);
}

void outcome_unreadable(struct flush *flush, struct parked_name *name,
			const struct err *err)
{
	struct parked_name to = *name;
	struct err failure = { 0 };

	log_failure(err);
	flush_blame(flush, err);
	to.state = PARKED_WAITING;
	to.attempts++;
	to.not_before = clock_wall_s() + order_backoff_s(to.attempts);
	if (!queue_rename(&flush->queue, name, &to, &failure))
		log_failure(&failure);
}
