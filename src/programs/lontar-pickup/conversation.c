#include "programs/lontar-pickup/conversation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "programs/lontar-pickup/boss.h"
#include "programs/lontar-pickup/deliver.h"
#include "programs/lontar-pickup/multidrop_proof.h"
#include "programs/lontar-pickup/oversize_notice.h"

/* A message may be larger than its listing says, but not by much; where that says
 * nothing, it may be of any size that has an end. */
#define SLACK_BYTES   ((uint64_t)1024 * 1024)
#define UNKNOWN_BYTES ((uint64_t)1024 * 1024 * 1024)

static void fail(struct session *session, const struct err *err)
{
	if (session->failure.kind == ERR_NONE)
		session->failure = *err;
}

/* Without a digest. */
static struct seen_entry entry_of(const struct session *session, size_t message,
				  enum seen_kind kind)
{
	struct seen_entry entry = { .kind = kind,
				    .digest = "-",
				    .when = clock_wall_s(),
				    .octets =
					    provider_octets(&session->provider, message),
				    .is_listed = true };

	entry.listed = entry.when;
	snprintf(entry.key, sizeof(entry.key), "%s", session->plan.items[message].key);
	if (!session->work->pickup.multidrop)
		message_identity(&session->message, entry.octets, entry.identity);
	return entry;
}

static bool remember(struct session *session, const struct seen_entry *entry)
{
	struct err err;

	if (seen_add(session->work->seen, entry, &err))
		return true;
	fail(session, &err);
	return false;
}

/* All of the listing has been compared with what was seen. */
static void on_judged(struct session *session)
{
	struct err err;

	if (!session->plan.identify_left && !session->work->probes &&
	    !provider_note_numbers(&session->provider, &err))
		fail(session, &err);
}

static bool needs_octets(void *ctx, size_t message)
{
	const struct session *session = ctx;

	return plan_needs_octets(session->work, &session->provider, message);
}

static void on_listed(void *ctx)
{
	struct session *session = ctx;
	struct work *work = session->work;
	size_t room = (provider_count(&session->provider) + 1) * sizeof(size_t);
	struct err err;

	session->is_listed = true;
	work->meter.kept = work->meter.kept_bytes = 0;
	work->doing = "fetching";
	if (!plan_make(&session->plan, work, &session->provider, &err))
		fail(session, &err);
	else
		on_judged(session);
	session->safe = must_alloc(room);
	session->removable = must_alloc(room);
	boss_tell_progress(work);
	log_info("pickup name=%s listed=%zu new=%" PRIu64 " bytes=%" PRIu64,
		 work->pickup.name, provider_count(&session->provider),
		 session->plan.fetch_left, session->plan.fetch_bytes);
}

/* Not to be asked for again: it would never end, and block all others. */
static void give_up_endless(struct session *session, size_t message)
{
	struct seen_entry entry = entry_of(session, message, SEEN_LEFT);
	struct err err;

	err_temporary(&err, "4.3.0",
		      "a message is much longer than the server says (%" PRIu64
		      " bytes); it is left there",
		      provider_octets(&session->provider, message));
	fail(session, &err);
	if (strcmp(entry.key, "-") != 0 && remember(session, &entry) &&
	    !seen_sync(session->work->seen, &err))
		log_failure(&err);
}

static void on_piece(void *ctx, size_t message, struct span stored)
{
	struct session *session = ctx;
	uint64_t octets = provider_octets(&session->provider, message);
	uint64_t most = octets ? 2 * octets + SLACK_BYTES : UNKNOWN_BYTES;
	struct err err;

	if (session->failure.kind != ERR_NONE)
		return;
	if (!message_add(&session->message, session->work->root_fd, stored, &err))
		fail(session, &err);
	else if (session->message.bytes > most)
		give_up_endless(session, message);
}

static void fetch_is_over(struct session *session, size_t message)
{
	uint64_t octets = provider_octets(&session->provider, message);

	session->begun_octets -= session->plan.items[message].begun_octets;
	session->plan.fetch_left--;
	session->plan.fetch_bytes -= octets;
}

static void on_fetched(struct session *session, size_t message)
{
	struct work *work = session->work;
	struct seen_entry entry = entry_of(session, message, SEEN_FETCHED);
	struct deliver_from from = {
		.protocol = session->provider.kind
				    ->names[dial_has_tls(session->dial) ? 1 : 0],
		.address = dial_address(session->dial),
	};
	uint64_t bytes = session->message.bytes;
	struct err err = { 0 };

	message_finish(&session->message);
	switch (deliver(work, &from, &session->message, &entry, &err)) {
	case DELIVERED:
		work->tally.fetched++;
		work->tally.bytes += bytes;
		break;
	case DELIVERED_BEFORE:
		work->tally.duplicates++;
		log_info("pickup name=%s duplicate bytes=%" PRIu64, work->pickup.name,
			 bytes);
		if (!remember(session, &entry))
			return;
		break;
	case DELIVER_LOOP:
		log_error("pickup name=%s left bytes=%" PRIu64 " reason=%s",
			  work->pickup.name, bytes, err.text);
		work_blame(work, &err);
		/* What was not delivered must not be known by its contents. */
		entry = entry_of(session, message, SEEN_LEFT);
		if (!remember(session, &entry))
			return;
		break;
	case DELIVER_FAILED:
		fail(session, &err);
		return;
	}
	session->fetched++;
	session->fetched_bytes += bytes;
	fetch_is_over(session, message);
	if (entry.kind == SEEN_FETCHED)
		session->safe[session->safe_count++] = message;
}

static void tell_recipient(struct session *session, size_t message, struct span header)
{
	const struct oversize_notice notice = {
		.key = session->plan.items[message].key,
		.octets = provider_octets(&session->provider, message),
		.header = header,
	};
	struct seen_entry entry = entry_of(session, message, SEEN_LARGE);
	struct err err;

	if (!oversize_notice_send(session->work, &notice, &err))
		fail(session, &err);
	else
		remember(session, &entry);
}

static void identified(struct session *session, size_t message, const char *key)
{
	plan_identified(&session->plan, session->work, &session->provider, message, key);
	on_judged(session);
}

static void identified_as_listed(struct session *session, size_t message)
{
	char key[DIGEST_TEXT_MAX];

	provider_key(&session->provider, message, key);
	identified(session, message, key);
}

static void on_header(struct session *session, size_t message)
{
	struct work *work = session->work;
	enum task task = session->plan.items[message].task;
	char key[DIGEST_TEXT_MAX];
	struct digest *digest;

	message_finish(&session->message);
	if (task == TASK_PROBE) {
		multidrop_proof_look(work->proof, message_header(&session->message));
		return;
	}
	if (task == TASK_NOTICE) {
		tell_recipient(session, message, message_header(&session->message));
		return;
	}
	digest = digest_new();
	digest_add(digest, message_header(&session->message));
	identified(session, message, digest_text(digest, key));
	digest_free(digest);
}

/* An old one under a new uid is known under that from now on. */
static void on_identity(struct session *session, size_t message)
{
	struct work *work = session->work;
	const struct seen_entry *old;
	struct seen_entry entry;
	char identity[DIGEST_TEXT_MAX];
	struct err err;

	message_finish(&session->message);
	old = seen_find_identity(
		work->seen,
		message_identity(&session->message,
				 provider_octets(&session->provider, message), identity));
	if (old && old->kind != SEEN_LARGE) {
		entry = *old;
		snprintf(entry.key, sizeof(entry.key), "%s",
			 session->plan.items[message].key);
		entry.listed = clock_wall_s();
		if (!seen_add(work->seen, &entry, &err))
			fail(session, &err);
	}
	identified_as_listed(session, message);
}

/* The server would not: it stays there, the others go on. */
static void on_refused(struct session *session, const struct provider_answer *answer)
{
	const struct item *item = &session->plan.items[answer->message];
	struct work *work = session->work;
	struct err err;

	err_temporary(&err, "4.3.0", "%s would not give message %zu: %.*s",
		      work->pickup.host, answer->message + 1, SPAN_ARG(answer->text));
	switch (answer->ask) {
	case PROVIDER_FETCH:
		fetch_is_over(session, answer->message);
		break;
	case PROVIDER_HEADER:
		/* Not known by its header, then by its contents. */
		if (item->task == TASK_IDENTIFY) {
			identified(session, answer->message, "-");
			return;
		}
		/* That it is there, and how large, can be told all the same. */
		if (item->task == TASK_NOTICE && strcmp(item->key, "-") != 0) {
			tell_recipient(session, answer->message, (struct span){ "", 0 });
			return;
		}
		break;
	case PROVIDER_IDENTITY:
		identified_as_listed(session, answer->message);
		return;
	case PROVIDER_DELETE:
	case PROVIDER_QUIT:
		return;
	}
	work->tally.refused++;
	log_failure(&err);
	work_blame(work, &err);
}

/* Its uid may be given to another one. */
static bool on_gone(struct session *session, size_t message)
{
	struct work *work = session->work;
	struct err err;

	work->tally.deleted++;
	plan_forget_large(&session->plan, work, message);
	if (seen_forget(work->seen, session->plan.items[message].key, &err))
		return true;
	log_failure(&err);
	return false;
}

static void on_deleted(struct session *session, size_t message)
{
	session->plan.items[message].is_deleted = true;
	if (!session->provider.kind->removes_at_quit)
		on_gone(session, message);
}

/* QUIT was taken: what was removed is. */
static void on_quit(struct session *session)
{
	const struct plan *plan = &session->plan;

	if (!session->provider.kind->removes_at_quit)
		return;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->items[i].is_deleted && !on_gone(session, i))
			return;
}

static void on_answer(void *ctx, const struct provider_answer *answer)
{
	struct session *session = ctx;

	if (session->failure.kind != ERR_NONE)
		return;
	if (answer->ask == PROVIDER_QUIT) {
		session->quit_done = true;
		if (answer->done)
			on_quit(session);
		return;
	}
	if (!answer->done)
		on_refused(session, answer);
	else if (answer->ask == PROVIDER_FETCH)
		on_fetched(session, answer->message);
	else if (answer->ask == PROVIDER_HEADER)
		on_header(session, answer->message);
	else if (answer->ask == PROVIDER_IDENTITY)
		on_identity(session, answer->message);
	else
		on_deleted(session, answer->message);
	/* IMAP may answer a removal while a message is coming in. */
	if (answer->ask != PROVIDER_DELETE)
		message_clear(&session->message);
}

void conversation_begin(struct session *session, struct span offer)
{
	static const struct provider_hooks all = { NULL, on_listed, on_piece, on_answer },
					   some = { needs_octets, on_listed, on_piece,
						    on_answer };

	message_init(&session->message);
	provider_open(&session->provider, session->work, offer,
		      plan_knows_most(session->work) ? &some : &all, session);
}

void conversation_end(struct session *session)
{
	if (!session->provider.engine)
		return;
	provider_close(&session->provider);
	message_clear(&session->message);
	buf_clear(&session->message.text);
	plan_clear(&session->plan);
	free(session->safe);
	free(session->removable);
}

/* What is durable is known to be, durably, before it may go. */
static bool make_removable(struct session *session, struct err *err)
{
	struct work *work = session->work;

	if (!session->safe_count)
		return true;
	if (!seen_sync(work->seen, err))
		return false;
	for (size_t i = 0; i < session->safe_count; i++) {
		plan_forget_large(&session->plan, work, session->safe[i]);
		if (work->pickup.keep == PICKUP_KEEP_NO ||
		    (work->pickup.keep == PICKUP_KEEP_DAYS && !work->pickup.keep_days))
			session->removable[session->removable_count++] = session->safe[i];
	}
	session->safe_count = 0;
	return true;
}

bool conversation_hear(struct session *session, struct span bytes, struct err *err)
{
	bool fine = provider_hear(&session->provider, bytes, err);
	struct err sync_err;

	if (!make_removable(session, &sync_err))
		fail(session, &sync_err);
	if (session->failure.kind != ERR_NONE) {
		*err = session->failure;
		return false;
	}
	return fine || err_context(err, "%s", session->work->pickup.host);
}
