#include "programs/lontar-deliver/intake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "deliver/bounce.h"
#include "deliver/urgency.h"
#include "link/notes.h"
#include "programs/lontar-deliver/intake_private.h"
#include "programs/lontar-deliver/record.h"
#include "programs/lontar-deliver/report.h"
#include "store/incoming.h"

#define CLIENTS_MAX      1000
#define TRANSACTIONS_MAX 4000
#define RECIPIENTS_MAX   1000 /* RFC 5321 4.5.3.1.8 wants 100 at least */
#define RECIPIENTS_BYTES ((size_t)RECIPIENTS_MAX * ADDRESS_MAX)

/* Strangers run as none of our users: people's programs that send mail. */
#define STRANGERS_MAX             800 /* so that our own are always let in */
#define STRANGERS_OF_ONE_MAX      100
#define STRANGER_TRANSACTIONS_MAX 5
#define STRANGER_QUEUE_BYTES      ((size_t)64 * 1024)

static struct transaction *find(const struct client *client, uint32_t tag)
{
	struct transaction *at = client->transactions;

	while (at && at->tag != tag)
		at = at->next;
	return at;
}

static void unlink_transaction(struct transaction *transaction)
{
	struct transaction **at = &transaction->client->transactions;

	while (*at != transaction)
		at = &(*at)->next;
	*at = transaction->next;
	transaction->client->transaction_count--;
}

static void free_transaction(struct transaction *transaction)
{
	delivery_free(transaction->delivery);
	buf_clear(&transaction->recipients);
	filter_order_free(transaction->filter);
	record_drop(&transaction->record);
	free(transaction);
}

/* Forgets it: nothing of it was promised. */
static void abandon(struct transaction *transaction)
{
	if (transaction->client)
		unlink_transaction(transaction);
	if (transaction->drafted) {
		delivery_undo(transaction->delivery);
		commit_forget(transaction->intake->commit);
	}
	free_transaction(transaction);
}

static void answer(const struct client *client, uint32_t tag, const struct err *err,
		   const char *text)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct intake_verdict verdict = { .kind = INTAKE_YES, .text = span_of(text) };

	if (err) {
		verdict.kind = err->kind == ERR_PERMANENT ? INTAKE_NO : INTAKE_LATER;
		verdict.status = span_of(err->status);
		verdict.text = span_of(err->text);
	}
	intake_verdict_put(&out, tag, &verdict);
	peer_send(client->peer, &out, -1);
}

/* A verdict on what the client wants, not a fault of ours. */
static bool is_his_affair(const struct err *err)
{
	static const char *const statuses[] = { "4.4.4", "4.5.3", "4.3.2", "4.7.1" };

	for (size_t i = 0; i < LENGTH(statuses); i++)
		if (strcmp(err->status, statuses[i]) == 0)
			return true;
	return err->status[0] == '5';
}

/* What a client sees of a fault of ours is short; the log has the whole of it. Only a
 * verdict with a mail status is final: a setting that is wrong must not bounce mail. */
static void answer_failure(const struct client *client, uint32_t tag,
			   const struct err *err)
{
	struct err shown = *err;

	if (!is_his_affair(err)) {
		log_failure(err);
		err_temporary(&shown, err->status[0] ? err->status : "4.3.5",
			      strcmp(err->status, "4.3.1") == 0
				      ? "the disk is full here, try again later"
				      : "a fault here, try again later");
	}
	answer(client, tag, &shown, "");
}

/* What is no address could not be read back from a parked file, and a smarthost that is
 * shown it may take offence. */
static bool are_addresses(const struct route_request *request, struct err *err)
{
	if (!request->recipient[0] || !address_is_valid(request->recipient))
		return err_permanent(err, "5.1.3", "the recipient is no mail address");
	if (!address_is_valid(request->sender) &&
	    strcmp(request->sender, BOUNCE_DOUBLE_SENDER) != 0)
		return err_permanent(err, "5.1.7", "the sender is no mail address");
	return true;
}

static struct transaction *begin(struct client *client, uint32_t tag, const char *sender,
				 struct err *err)
{
	struct transaction *transaction = find(client, tag);
	unsigned most = client->ours ? TRANSACTIONS_MAX : STRANGER_TRANSACTIONS_MAX;

	if (transaction)
		return transaction;
	if (client->intake->stopping) {
		err_temporary(err, "4.3.2", "the gateway is about to stop");
		return NULL;
	}
	if (client->transaction_count >= most) {
		err_temporary(err, "4.3.2", "too many messages at once");
		return NULL;
	}
	transaction = must_alloc(sizeof(*transaction));
	*transaction = (struct transaction){
		.next = client->transactions,
		.client = client,
		.intake = client->intake,
		.tag = tag,
		.delivery = delivery_new(client->intake->root_fd, sender),
		.recipients = BUF_INIT(RECIPIENTS_BYTES),
		.record = RECORD_NONE,
	};
	client->transactions = transaction;
	client->transaction_count++;
	return transaction;
}

static bool take_recipient(struct client *client, uint32_t tag,
			   const struct route_request *request, struct err *err)
{
	struct transaction *transaction;
	struct destinations found = { 0 };
	const char *stale;

	if (!are_addresses(request, err))
		return false;
	transaction = begin(client, tag, request->sender, err);
	if (!transaction)
		return false;
	if (transaction->drafted)
		return err_permanent(err, "5.5.1", "recipients come before the message");
	if (transaction->delivery->address_count >= RECIPIENTS_MAX)
		return err_temporary(err, "4.5.3", "too many recipients");
	transaction->from_user = request->may_relay;
	stale = stale_watch(&client->intake->stale, client->intake->router.control_fd,
			    clock_monotonic_ms());
	if (stale)
		log_warning("%s", stale);
	if (!route_recipient(&client->intake->router, request, &found, err))
		return false;
	transaction->may_relay = transaction->may_relay || request->may_relay;
	if (!buf_append(&transaction->recipients, request->recipient,
			strlen(request->recipient) + 1)) {
		destinations_clear(&found);
		return err_temporary(err, "4.5.3", "too many recipients");
	}
	for (size_t i = 0; i < found.count; i++)
		destination_add_to(&found.items[i], transaction->delivery);
	destinations_clear(&found);
	return true;
}

static bool on_rcpt(struct client *client, struct packet *packet)
{
	char sender[ADDRESS_MAX], recipient[ADDRESS_MAX];
	struct route_request request = { .sender = sender, .recipient = recipient };
	const struct transaction *begun = find(client, packet->tag);
	struct intake_rcpt rcpt;
	struct err err;

	if (!intake_rcpt_get(packet, &rcpt) ||
	    !packet_text_copy(rcpt.sender, sender, sizeof(sender)) ||
	    !packet_text_copy(rcpt.recipient, recipient, sizeof(recipient)) ||
	    strpbrk(sender, "\r\n") || strpbrk(recipient, "\r\n") ||
	    (begun && strcmp(begun->delivery->sender, sender) != 0))
		return false;
	request.may_relay = rcpt.may_relay != 0;
	if (take_recipient(client, packet->tag, &request, &err))
		answer(client, packet->tag, NULL, "");
	else
		answer_failure(client, packet->tag, &err);
	return true;
}

/* Closes fd; -1 is answered by err. */
static void answer_open(const struct client *client, uint32_t tag, int fd,
			const struct err *err)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	if (fd < 0) {
		answer_failure(client, tag, err);
		return;
	}
	packet_begin(&out, INTAKE_OPEN, tag);
	peer_send(client->peer, &out, fd);
	file_close(&fd);
}

static bool on_draft(struct client *client, struct packet *packet)
{
	struct intake_draft draft;
	struct err err;
	int fd;

	if (!intake_draft_get(packet, &draft))
		return false;
	fd = intake_open_draft(client, find(client, packet->tag), &draft, &err);
	answer_open(client, packet->tag, fd, &err);
	return true;
}

/* It is in nobody's quota of files: only our own programs may have one. */
static bool on_scratch(const struct client *client, struct packet *packet)
{
	struct intake_scratch scratch;
	struct err err = { 0 };
	int fd = -1;

	if (!intake_scratch_get(packet, &scratch) || !client->ours)
		return false;
	if (incoming_has_room(client->intake->root_fd, scratch.size, &err))
		fd = incoming_scratch(client->intake->root_fd, &err);
	answer_open(client, packet->tag, fd, &err);
	return true;
}

/* lontar-link, which flushes while the link is up, hears what has been parked. */
static void tell_watchers(const struct intake *intake, const struct delivery *delivery)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	for (size_t i = 0; i < delivery->count; i++) {
		if (delivery->targets[i].kind != DELIVERY_PARKED)
			continue;
		intake_parked_put(
			&out, 0,
			&(struct intake_parked){ span_of(delivery->targets[i].name) });
		for (struct client *at = intake->clients; at; at = at->next)
			if (at->watching)
				peer_send(at->peer, &out, -1);
	}
}

static void on_committed(void *ctx, const struct err *err)
{
	struct transaction *transaction = ctx;
	struct intake *intake = transaction->intake;
	struct client *client = transaction->client;
	char text[MAILDIR_UNIQUE_MAX + 16];

	if (!err) {
		record_write(&transaction->record);
		report_delivery(transaction->delivery, &intake->router.settings,
				&intake->deliveries);
		tell_watchers(intake, transaction->delivery);
	}
	snprintf(text, sizeof(text), "ok %s", transaction->delivery->id);
	if (client && err)
		answer_failure(client, transaction->tag, err);
	else if (client)
		answer(client, transaction->tag, NULL, text);
	else if (err)
		log_failure(err);
	if (client)
		unlink_transaction(transaction);
	free_transaction(transaction);
}

/* What the filter took it has handed in by itself: the draft is only in the way. */
static void on_filtered(void *ctx, const struct err *err)
{
	struct transaction *transaction = ctx;
	const struct client *client = transaction->client;
	uint32_t tag = transaction->tag;

	if (!err)
		record_write(&transaction->record);
	abandon(transaction);
	if (client && err)
		answer_failure(client, tag, err);
	else if (client)
		answer(client, tag, NULL, "ok, looked at and taken");
}

static void filter(struct transaction *transaction)
{
	const struct delivery *delivery = transaction->delivery;
	struct intake *intake = transaction->intake;
	struct filter_message message = { .id = delivery->id,
					  .fd = delivery->targets[0].file_fd,
					  .from = delivery->trace,
					  .sender = delivery->sender,
					  .recipients =
						  buf_span(&transaction->recipients),
					  .may_relay = transaction->may_relay };

	filter_start(&intake->filters, &intake->router.settings, transaction->filter,
		     &message, on_filtered, transaction);
}

/* What L= of a parked file says; nothing else asks. */
static uint64_t up_seconds_for(const struct delivery *delivery, int root_fd)
{
	for (size_t i = 0; i < delivery->count; i++)
		if (delivery->targets[i].kind == DELIVERY_PARKED)
			return link_up_seconds(root_fd);
	return 0;
}

/* Our own programs count right; a stranger's counts would be what POP3 clients are told.
 */
static bool seal(const struct client *client, const struct transaction *transaction,
		 const struct intake_commit *told, struct err *err)
{
	const struct intake *intake = client->intake;
	struct delivery *delivery = transaction->delivery;

	if (transaction->from_user)
		urgency_decide(delivery, &intake->router.settings, told->bytes);
	if (intake->stopping)
		return err_temporary(err, "4.3.2", "the gateway is about to stop");
	return delivery_seal(delivery, told->bytes, told->lines, told->unended != 0,
			     up_seconds_for(delivery, intake->root_fd), err) &&
	       (client->ours ||
		delivery_recount(delivery, told->lines, told->unended != 0, err));
}

static bool on_commit(struct client *client, struct packet *packet)
{
	struct transaction *transaction = find(client, packet->tag);
	struct intake_commit commit;
	struct err err;

	if (!intake_commit_get(packet, &commit) || !transaction ||
	    !transaction->drafted || transaction->committing)
		return false;
	if (!seal(client, transaction, &commit, &err)) {
		answer_failure(client, packet->tag, &err);
		abandon(transaction);
		return true;
	}
	transaction->committing = true;
	if (transaction->filter)
		filter(transaction);
	else
		commit_add(client->intake->commit, transaction->delivery, on_committed,
			   transaction);
	return true;
}

static bool on_reset(struct client *client, struct packet *packet)
{
	struct transaction *transaction = find(client, packet->tag);

	if (transaction && !transaction->committing)
		abandon(transaction);
	return packet_end(packet);
}

static bool on_record(struct client *client, struct packet *packet, int *fd)
{
	struct transaction *transaction = find(client, packet->tag);
	struct intake_record record;

	return client->ours && intake_record_get(packet, &record) && transaction &&
	       transaction->drafted && !transaction->committing &&
	       record_take(&transaction->record, fd, record.line);
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct client *client = ctx;
	bool taken;

	(void)peer;
	if (packet->type == INTAKE_RECORD) {
		taken = on_record(client, packet, &fd);
		file_close(&fd);
		return taken;
	}
	file_close(&fd);
	switch (packet->type) {
	case INTAKE_RCPT:
		return on_rcpt(client, packet);
	case INTAKE_DRAFT:
		return on_draft(client, packet);
	case INTAKE_SCRATCH:
		return on_scratch(client, packet);
	case INTAKE_COMMIT:
		return on_commit(client, packet);
	case INTAKE_RESET:
		return on_reset(client, packet);
	case INTAKE_WATCH:
		client->watching = client->ours;
		return packet_end(packet);
	default:
		return false;
	}
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct client *client = ctx;
	struct client **at = &client->intake->clients;
	struct transaction *transaction, *next;

	(void)peer;
	for (transaction = client->transactions; transaction; transaction = next) {
		next = transaction->next;
		if (transaction->committing)
			transaction->client = NULL;
		else
			abandon(transaction);
	}
	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	client->intake->client_count--;
	client->intake->stranger_count -= !client->ours;
	free(client);
}

static const struct peer_handler handler = { on_packet, on_closed };

static unsigned clients_of(const struct intake *intake, uid_t uid)
{
	unsigned count = 0;

	for (const struct client *at = intake->clients; at; at = at->next)
		count += peer_uid(at->peer) == uid;
	return count;
}

static bool has_place(const struct intake *intake, const struct client *client)
{
	if (intake->client_count >= CLIENTS_MAX)
		return false;
	return client->ours ||
	       (intake->stranger_count < STRANGERS_MAX &&
		clients_of(intake, peer_uid(client->peer)) < STRANGERS_OF_ONE_MAX);
}

void intake_take(struct intake *intake, int fd)
{
	struct client *client = must_alloc(sizeof(*client));
	uid_t uid;

	client->intake = intake;
	client->peer = peer_open(intake->loop, fd, &handler, client);
	uid = peer_uid(client->peer);
	client->ours = uid == 0 || uid == geteuid() || uid == intake->workers_uid ||
		       uid == intake->senders_uid;
	if (!has_place(intake, client)) {
		peer_close(client->peer);
		free(client);
		return;
	}
	if (!client->ours)
		peer_limit(client->peer, STRANGER_QUEUE_BYTES);
	client->next = intake->clients;
	intake->clients = client;
	intake->client_count++;
	intake->stranger_count += !client->ours;
}
