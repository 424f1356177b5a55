#include "programs/lontar-pickup/conversation_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "programs/lontar-pickup/deliver.h"
#include "programs/lontar-pickup/multidrop_proof.h"
#include "programs/lontar-pickup/oversize_notice.h"

/*
 * What an answer of the provider leads to. The rule behind all of it: a message is
 *removed there only after the line in `seen` that says that it is durable here has been
 *synced, and what was not fetched is never removed.
 *
 *	fetched         delivered, or known by its contents from before; then removed if
 *	                the pickup keeps nothing there
 *	in a circle     stays there, and is not fetched again
 *	without an end  stays there, is not fetched again, and ends this conversation,
 *since the rest of it would still be on the way refused         stays there, and is asked
 *for again by the next pickup; the others go on too large       its recipient is told of
 *it, from its header alone a failure here  (our disk, lontar-deliver) ends the
 *conversation; nothing is removed
 */

/* A message may be larger than its listing says, but not by much. If the listing does not
 * say, it may be of any size that has an end. */
#define SLACK_BYTES   ((uint64_t)1024 * 1024)
#define UNKNOWN_BYTES ((uint64_t)1024 * 1024 * 1024)

void conversation_fail(struct conversation *conversation, const struct err *err)
{
	if (conversation->failure.kind == ERR_NONE)
		conversation->failure = *err;
}

static void report(const struct conversation *conversation, enum fetch_result result,
		   uint64_t bytes, const struct err *err)
{
	conversation->events->on_result(conversation->ctx, result, bytes, err);
}

/* Without a digest. */
static struct seen_entry entry_of(const struct conversation *conversation, size_t message,
				  enum seen_kind kind)
{
	struct seen_entry entry = { .kind = kind,
				    .digest = "-",
				    .when = clock_wall_s(),
				    .octets = provider_octets(&conversation->provider,
							      message),
				    .is_listed = true };

	entry.listed = entry.when;
	snprintf(entry.key, sizeof(entry.key), "%s",
		 conversation->plan.items[message].key);
	if (!conversation->mailbox->pickup.multidrop)
		message_identity(&conversation->message, entry.octets, entry.identity);
	return entry;
}

static bool remember(struct conversation *conversation, const struct seen_entry *entry)
{
	struct err err;

	if (seen_add(conversation->mailbox->seen, entry, &err))
		return true;
	conversation_fail(conversation, &err);
	return false;
}

/* All of the listing has been compared with what was seen. */
static void on_judged(struct conversation *conversation)
{
	struct err err;

	if (!conversation->plan.identify_left && !conversation->mailbox->proof &&
	    !provider_note_numbers(&conversation->provider, &err))
		conversation_fail(conversation, &err);
}

static enum provider_known knows(void *ctx, size_t message, uint64_t *octets_out)
{
	const struct conversation *conversation = ctx;

	return plan_knows(conversation->mailbox, &conversation->provider, message,
			  octets_out);
}

static void on_listed(void *ctx)
{
	struct conversation *conversation = ctx;
	const struct remote_mailbox *mailbox = conversation->mailbox;
	size_t room = (provider_count(&conversation->provider) + 1) * sizeof(size_t);
	struct err err;

	conversation->is_listed = true;
	if (!plan_make(&conversation->plan, mailbox, &conversation->provider, &err))
		conversation_fail(conversation, &err);
	else
		on_judged(conversation);
	conversation->safe = must_alloc(room);
	conversation->removable = must_alloc(room);
	conversation->events->on_listed(conversation->ctx);
	log_info("pickup name=%s listed=%zu new=%" PRIu64 " bytes=%" PRIu64,
		 mailbox->pickup.name, provider_count(&conversation->provider),
		 conversation->plan.fetch_left, conversation->plan.fetch_bytes);
}

/* Not to be asked for again: it would never end, and block all others. */
static void give_up_endless(struct conversation *conversation, size_t message)
{
	struct seen_entry entry = entry_of(conversation, message, SEEN_LEFT);
	struct err err;

	err_temporary(&err, "4.3.0",
		      "a message is much longer than the server says (%" PRIu64
		      " bytes); it is left there",
		      provider_octets(&conversation->provider, message));
	conversation_fail(conversation, &err);
	if (strcmp(entry.key, "-") != 0 && remember(conversation, &entry) &&
	    !seen_sync(conversation->mailbox->seen, &err))
		log_failure(&err);
}

static void on_piece(void *ctx, size_t message, struct span stored)
{
	struct conversation *conversation = ctx;
	uint64_t octets = provider_octets(&conversation->provider, message);
	uint64_t most = octets ? 2 * octets + SLACK_BYTES : UNKNOWN_BYTES;
	struct err err;

	if (conversation->failure.kind != ERR_NONE)
		return;
	if (!message_add(&conversation->message, conversation->mailbox->root_fd, stored,
			 &err))
		conversation_fail(conversation, &err);
	else if (conversation->message.bytes > most)
		give_up_endless(conversation, message);
}

static void fetch_is_over(struct conversation *conversation, size_t message)
{
	uint64_t octets = provider_octets(&conversation->provider, message);

	conversation->begun_octets -= conversation->plan.items[message].begun_octets;
	conversation->plan.fetch_left--;
	conversation->plan.fetch_bytes -= octets;
}

static void on_fetched(struct conversation *conversation, size_t message)
{
	const struct remote_mailbox *mailbox = conversation->mailbox;
	struct seen_entry entry = entry_of(conversation, message, SEEN_FETCHED);
	struct deliver_from from = {
		.protocol =
			conversation->provider.kind->names[conversation->has_tls ? 1 : 0],
		.address = conversation->address,
	};
	uint64_t bytes = conversation->message.bytes;
	struct err err = { 0 };

	message_finish(&conversation->message);
	switch (deliver(mailbox, &from, &conversation->message, &entry, &err)) {
	case DELIVERED:
		report(conversation, FETCH_DELIVERED, bytes, NULL);
		break;
	case DELIVERED_BEFORE:
		report(conversation, FETCH_DUPLICATE, bytes, NULL);
		log_info("pickup name=%s duplicate bytes=%" PRIu64, mailbox->pickup.name,
			 bytes);
		if (!remember(conversation, &entry))
			return;
		break;
	case DELIVER_LOOP:
		log_error("pickup name=%s left bytes=%" PRIu64 " reason=%s",
			  mailbox->pickup.name, bytes, err.text);
		report(conversation, FETCH_LOOPED, bytes, &err);
		/* What was not delivered must not be known by its contents. */
		entry = entry_of(conversation, message, SEEN_LEFT);
		if (!remember(conversation, &entry))
			return;
		break;
	case DELIVER_FAILED:
		conversation_fail(conversation, &err);
		return;
	}
	conversation->fetched++;
	conversation->fetched_bytes += bytes;
	fetch_is_over(conversation, message);
	if (entry.kind == SEEN_FETCHED)
		conversation->safe[conversation->safe_count++] = message;
}

static void tell_recipient(struct conversation *conversation, size_t message,
			   struct span header)
{
	const struct oversize_notice notice = {
		.key = conversation->plan.items[message].key,
		.octets = provider_octets(&conversation->provider, message),
		.header = header,
	};
	struct seen_entry entry = entry_of(conversation, message, SEEN_LARGE);
	struct err err;

	if (!oversize_notice_send(conversation->mailbox, &notice, &err))
		conversation_fail(conversation, &err);
	else
		remember(conversation, &entry);
}

static void identified(struct conversation *conversation, size_t message, const char *key)
{
	plan_identified(&conversation->plan, conversation->mailbox,
			&conversation->provider, message, key);
	on_judged(conversation);
}

static void identified_as_listed(struct conversation *conversation, size_t message)
{
	char key[DIGEST_TEXT_MAX];

	provider_key(&conversation->provider, message, key);
	identified(conversation, message, key);
}

static void on_header(struct conversation *conversation, size_t message)
{
	const struct remote_mailbox *mailbox = conversation->mailbox;
	enum task task = conversation->plan.items[message].task;
	char key[DIGEST_TEXT_MAX];
	struct digest *digest;

	message_finish(&conversation->message);
	if (task == TASK_PROBE) {
		multidrop_proof_look(mailbox->proof,
				     message_header(&conversation->message));
		return;
	}
	if (task == TASK_NOTICE) {
		tell_recipient(conversation, message,
			       message_header(&conversation->message));
		return;
	}
	digest = digest_new();
	digest_add(digest, message_header(&conversation->message));
	identified(conversation, message, digest_text(digest, key));
	digest_free(digest);
}

/* An old one under a new uid is known under that from now on. */
static void on_identity(struct conversation *conversation, size_t message)
{
	const struct remote_mailbox *mailbox = conversation->mailbox;
	const struct seen_entry *old;
	struct seen_entry entry;
	char identity[DIGEST_TEXT_MAX];
	struct err err;

	message_finish(&conversation->message);
	old = seen_find_identity(
		mailbox->seen,
		message_identity(&conversation->message,
				 provider_octets(&conversation->provider, message),
				 identity));
	if (old && old->kind != SEEN_LARGE) {
		entry = *old;
		snprintf(entry.key, sizeof(entry.key), "%s",
			 conversation->plan.items[message].key);
		entry.listed = clock_wall_s();
		if (!seen_add(mailbox->seen, &entry, &err))
			conversation_fail(conversation, &err);
	}
	identified_as_listed(conversation, message);
}

/* The server would not give this one: it stays there, and the others go on. */
static void on_refused(struct conversation *conversation,
		       const struct provider_answer *answer)
{
	const struct item *item = &conversation->plan.items[answer->message];
	const struct remote_mailbox *mailbox = conversation->mailbox;
	struct err err;

	err_temporary(&err, "4.3.0", "%s would not give message %zu: %.*s",
		      mailbox->pickup.host, answer->message + 1, SPAN_ARG(answer->text));
	switch (answer->ask) {
	case PROVIDER_FETCH:
		fetch_is_over(conversation, answer->message);
		break;
	case PROVIDER_HEADER:
		/* Not known by its header, then by its contents. */
		if (item->task == TASK_IDENTIFY) {
			identified(conversation, answer->message, "-");
			return;
		}
		/* That it is there, and how large, can be told all the same. */
		if (item->task == TASK_NOTICE && strcmp(item->key, "-") != 0) {
			tell_recipient(conversation, answer->message,
				       (struct span){ "", 0 });
			return;
		}
		break;
	case PROVIDER_IDENTITY:
		identified_as_listed(conversation, answer->message);
		return;
	case PROVIDER_DELETE:
	case PROVIDER_QUIT:
		return;
	}
	log_failure(&err);
	report(conversation, FETCH_REFUSED, 0, &err);
}

/* Its uid may be given to another one. */
static bool on_gone(struct conversation *conversation, size_t message)
{
	const struct remote_mailbox *mailbox = conversation->mailbox;
	struct err err;

	report(conversation, FETCH_DELETED, 0, NULL);
	plan_forget_large(&conversation->plan, mailbox, message);
	if (seen_forget(mailbox->seen, conversation->plan.items[message].key, &err))
		return true;
	log_failure(&err);
	return false;
}

static void on_deleted(struct conversation *conversation, size_t message)
{
	conversation->plan.items[message].is_deleted = true;
	if (!conversation->provider.kind->removes_at_quit)
		on_gone(conversation, message);
}

/* QUIT was taken: what was removed is. */
static void on_quit(struct conversation *conversation)
{
	const struct plan *plan = &conversation->plan;

	if (!conversation->provider.kind->removes_at_quit)
		return;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->items[i].is_deleted && !on_gone(conversation, i))
			return;
}

static void on_answer(void *ctx, const struct provider_answer *answer)
{
	struct conversation *conversation = ctx;

	if (conversation->failure.kind != ERR_NONE)
		return;
	if (answer->ask == PROVIDER_QUIT) {
		conversation->quit_done = true;
		if (answer->done)
			on_quit(conversation);
		return;
	}
	if (!answer->done)
		on_refused(conversation, answer);
	else if (answer->ask == PROVIDER_FETCH)
		on_fetched(conversation, answer->message);
	else if (answer->ask == PROVIDER_HEADER)
		on_header(conversation, answer->message);
	else if (answer->ask == PROVIDER_IDENTITY)
		on_identity(conversation, answer->message);
	else
		on_deleted(conversation, answer->message);
	/* IMAP may answer a removal while a message is coming in. */
	if (answer->ask != PROVIDER_DELETE)
		message_clear(&conversation->message);
}

void conversation_open_provider(struct conversation *conversation, struct span offer)
{
	static const struct provider_hooks few = { false, knows, on_listed, on_piece,
						   on_answer },
					   most = { true, knows, on_listed, on_piece,
						    on_answer };

	provider_open(&conversation->provider, conversation->mailbox, offer,
		      plan_knows_most(conversation->mailbox) ? &most : &few,
		      conversation);
}
