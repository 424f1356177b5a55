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

static void fail(struct provider_connection *connection, const struct err *err)
{
	if (connection->failure.kind == ERR_NONE)
		connection->failure = *err;
}

/* Without a digest. */
static struct seen_entry entry_of(const struct provider_connection *connection,
				  size_t message, enum seen_kind kind)
{
	struct seen_entry entry = { .kind = kind,
				    .digest = "-",
				    .when = clock_wall_s(),
				    .octets = provider_octets(&connection->provider,
							      message),
				    .is_listed = true };

	entry.listed = entry.when;
	snprintf(entry.key, sizeof(entry.key), "%s", connection->plan.items[message].key);
	if (!connection->work->pickup.multidrop)
		message_identity(&connection->message, entry.octets, entry.identity);
	return entry;
}

static bool remember(struct provider_connection *connection,
		     const struct seen_entry *entry)
{
	struct err err;

	if (seen_add(connection->work->seen, entry, &err))
		return true;
	fail(connection, &err);
	return false;
}

/* All of the listing has been compared with what was seen. */
static void on_judged(struct provider_connection *connection)
{
	struct err err;

	if (!connection->plan.identify_left && !connection->work->probes &&
	    !provider_note_numbers(&connection->provider, &err))
		fail(connection, &err);
}

static bool needs_octets(void *ctx, size_t message)
{
	const struct provider_connection *connection = ctx;

	return plan_needs_octets(connection->work, &connection->provider, message);
}

static void on_listed(void *ctx)
{
	struct provider_connection *connection = ctx;
	struct work *work = connection->work;
	size_t room = (provider_count(&connection->provider) + 1) * sizeof(size_t);
	struct err err;

	connection->is_listed = true;
	work->meter.kept = work->meter.kept_bytes = 0;
	work->doing = "fetching";
	if (!plan_make(&connection->plan, work, &connection->provider, &err))
		fail(connection, &err);
	else
		on_judged(connection);
	connection->safe = must_alloc(room);
	connection->removable = must_alloc(room);
	boss_tell_progress(work);
	log_info("pickup name=%s listed=%zu new=%" PRIu64 " bytes=%" PRIu64,
		 work->pickup.name, provider_count(&connection->provider),
		 connection->plan.fetch_left, connection->plan.fetch_bytes);
}

/* Not to be asked for again: it would never end, and block all others. */
static void give_up_endless(struct provider_connection *connection, size_t message)
{
	struct seen_entry entry = entry_of(connection, message, SEEN_LEFT);
	struct err err;

	err_temporary(&err, "4.3.0",
		      "a message is much longer than the server says (%" PRIu64
		      " bytes); it is left there",
		      provider_octets(&connection->provider, message));
	fail(connection, &err);
	if (strcmp(entry.key, "-") != 0 && remember(connection, &entry) &&
	    !seen_sync(connection->work->seen, &err))
		log_failure(&err);
}

static void on_piece(void *ctx, size_t message, struct span stored)
{
	struct provider_connection *connection = ctx;
	uint64_t octets = provider_octets(&connection->provider, message);
	uint64_t most = octets ? 2 * octets + SLACK_BYTES : UNKNOWN_BYTES;
	struct err err;

	if (connection->failure.kind != ERR_NONE)
		return;
	if (!message_add(&connection->message, connection->work->root_fd, stored, &err))
		fail(connection, &err);
	else if (connection->message.bytes > most)
		give_up_endless(connection, message);
}

static void fetch_is_over(struct provider_connection *connection, size_t message)
{
	uint64_t octets = provider_octets(&connection->provider, message);

	connection->begun_octets -= connection->plan.items[message].begun_octets;
	connection->plan.fetch_left--;
	connection->plan.fetch_bytes -= octets;
}

static void on_fetched(struct provider_connection *connection, size_t message)
{
	struct work *work = connection->work;
	struct seen_entry entry = entry_of(connection, message, SEEN_FETCHED);
	struct deliver_from from = {
		.protocol = connection->provider.kind
				    ->names[dial_has_tls(connection->dial) ? 1 : 0],
		.address = dial_address(connection->dial),
	};
	uint64_t bytes = connection->message.bytes;
	struct err err = { 0 };

	message_finish(&connection->message);
	switch (deliver(work, &from, &connection->message, &entry, &err)) {
	case DELIVERED:
		work->tally.fetched++;
		work->tally.bytes += bytes;
		break;
	case DELIVERED_BEFORE:
		work->tally.duplicates++;
		log_info("pickup name=%s duplicate bytes=%" PRIu64, work->pickup.name,
			 bytes);
		if (!remember(connection, &entry))
			return;
		break;
	case DELIVER_LOOP:
		log_error("pickup name=%s left bytes=%" PRIu64 " reason=%s",
			  work->pickup.name, bytes, err.text);
		work_blame(work, &err);
		/* What was not delivered must not be known by its contents. */
		entry = entry_of(connection, message, SEEN_LEFT);
		if (!remember(connection, &entry))
			return;
		break;
	case DELIVER_FAILED:
		fail(connection, &err);
		return;
	}
	connection->fetched++;
	connection->fetched_bytes += bytes;
	fetch_is_over(connection, message);
	if (entry.kind == SEEN_FETCHED)
		connection->safe[connection->safe_count++] = message;
}

static void tell_recipient(struct provider_connection *connection, size_t message,
			   struct span header)
{
	const struct oversize_notice notice = {
		.key = connection->plan.items[message].key,
		.octets = provider_octets(&connection->provider, message),
		.header = header,
	};
	struct seen_entry entry = entry_of(connection, message, SEEN_LARGE);
	struct err err;

	if (!oversize_notice_send(connection->work, &notice, &err))
		fail(connection, &err);
	else
		remember(connection, &entry);
}

static void identified(struct provider_connection *connection, size_t message,
		       const char *key)
{
	plan_identified(&connection->plan, connection->work, &connection->provider,
			message, key);
	on_judged(connection);
}

static void identified_as_listed(struct provider_connection *connection, size_t message)
{
	char key[DIGEST_TEXT_MAX];

	provider_key(&connection->provider, message, key);
	identified(connection, message, key);
}

static void on_header(struct provider_connection *connection, size_t message)
{
	struct work *work = connection->work;
	enum task task = connection->plan.items[message].task;
	char key[DIGEST_TEXT_MAX];
	struct digest *digest;

	message_finish(&connection->message);
	if (task == TASK_PROBE) {
		multidrop_proof_look(work->proof, message_header(&connection->message));
		return;
	}
	if (task == TASK_NOTICE) {
		tell_recipient(connection, message, message_header(&connection->message));
		return;
	}
	digest = digest_new();
	digest_add(digest, message_header(&connection->message));
	identified(connection, message, digest_text(digest, key));
	digest_free(digest);
}

/* An old one under a new uid is known under that from now on. */
static void on_identity(struct provider_connection *connection, size_t message)
{
	struct work *work = connection->work;
	const struct seen_entry *old;
	struct seen_entry entry;
	char identity[DIGEST_TEXT_MAX];
	struct err err;

	message_finish(&connection->message);
	old = seen_find_identity(
		work->seen,
		message_identity(&connection->message,
				 provider_octets(&connection->provider, message),
				 identity));
	if (old && old->kind != SEEN_LARGE) {
		entry = *old;
		snprintf(entry.key, sizeof(entry.key), "%s",
			 connection->plan.items[message].key);
		entry.listed = clock_wall_s();
		if (!seen_add(work->seen, &entry, &err))
			fail(connection, &err);
	}
	identified_as_listed(connection, message);
}

/* The server would not: it stays there, the others go on. */
static void on_refused(struct provider_connection *connection,
		       const struct provider_answer *answer)
{
	const struct item *item = &connection->plan.items[answer->message];
	struct work *work = connection->work;
	struct err err;

	err_temporary(&err, "4.3.0", "%s would not give message %zu: %.*s",
		      work->pickup.host, answer->message + 1, SPAN_ARG(answer->text));
	switch (answer->ask) {
	case PROVIDER_FETCH:
		fetch_is_over(connection, answer->message);
		break;
	case PROVIDER_HEADER:
		/* Not known by its header, then by its contents. */
		if (item->task == TASK_IDENTIFY) {
			identified(connection, answer->message, "-");
			return;
		}
		/* That it is there, and how large, can be told all the same. */
		if (item->task == TASK_NOTICE && strcmp(item->key, "-") != 0) {
			tell_recipient(connection, answer->message,
				       (struct span){ "", 0 });
			return;
		}
		break;
	case PROVIDER_IDENTITY:
		identified_as_listed(connection, answer->message);
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
static bool on_gone(struct provider_connection *connection, size_t message)
{
	struct work *work = connection->work;
	struct err err;

	work->tally.deleted++;
	plan_forget_large(&connection->plan, work, message);
	if (seen_forget(work->seen, connection->plan.items[message].key, &err))
		return true;
	log_failure(&err);
	return false;
}

static void on_deleted(struct provider_connection *connection, size_t message)
{
	connection->plan.items[message].is_deleted = true;
	if (!connection->provider.kind->removes_at_quit)
		on_gone(connection, message);
}

/* QUIT was taken: what was removed is. */
static void on_quit(struct provider_connection *connection)
{
	const struct plan *plan = &connection->plan;

	if (!connection->provider.kind->removes_at_quit)
		return;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->items[i].is_deleted && !on_gone(connection, i))
			return;
}

static void on_answer(void *ctx, const struct provider_answer *answer)
{
	struct provider_connection *connection = ctx;

	if (connection->failure.kind != ERR_NONE)
		return;
	if (answer->ask == PROVIDER_QUIT) {
		connection->quit_done = true;
		if (answer->done)
			on_quit(connection);
		return;
	}
	if (!answer->done)
		on_refused(connection, answer);
	else if (answer->ask == PROVIDER_FETCH)
		on_fetched(connection, answer->message);
	else if (answer->ask == PROVIDER_HEADER)
		on_header(connection, answer->message);
	else if (answer->ask == PROVIDER_IDENTITY)
		on_identity(connection, answer->message);
	else
		on_deleted(connection, answer->message);
	/* IMAP may answer a removal while a message is coming in. */
	if (answer->ask != PROVIDER_DELETE)
		message_clear(&connection->message);
}

void conversation_begin(struct provider_connection *connection, struct span offer)
{
	static const struct provider_hooks all = { NULL, on_listed, on_piece, on_answer },
					   some = { needs_octets, on_listed, on_piece,
						    on_answer };

	message_init(&connection->message);
	provider_open(&connection->provider, connection->work, offer,
		      plan_knows_most(connection->work) ? &some : &all, connection);
}

void conversation_end(struct provider_connection *connection)
{
	if (!connection->provider.engine)
		return;
	provider_close(&connection->provider);
	message_clear(&connection->message);
	buf_clear(&connection->message.text);
	plan_clear(&connection->plan);
	free(connection->safe);
	free(connection->removable);
}

/* What is durable is known to be, durably, before it may go. */
static bool make_removable(struct provider_connection *connection, struct err *err)
{
	struct work *work = connection->work;

	if (!connection->safe_count)
		return true;
	if (!seen_sync(work->seen, err))
		return false;
	for (size_t i = 0; i < connection->safe_count; i++) {
		plan_forget_large(&connection->plan, work, connection->safe[i]);
		if (work->pickup.keep == PICKUP_KEEP_NO ||
		    (work->pickup.keep == PICKUP_KEEP_DAYS && !work->pickup.keep_days))
			connection->removable[connection->removable_count++] =
				connection->safe[i];
	}
	connection->safe_count = 0;
	return true;
}

bool conversation_hear(struct provider_connection *connection, struct span bytes,
		       struct err *err)
{
	bool fine = provider_hear(&connection->provider, bytes, err);
	struct err sync_err;

	if (!make_removable(connection, &sync_err))
		fail(connection, &sync_err);
	if (connection->failure.kind != ERR_NONE) {
		*err = connection->failure;
		return false;
	}
	return fine || err_context(err, "%s", connection->work->pickup.host);
}
