#include "programs/lontar-pickup/work_private.h"

#include "base/clock.h"

/*
 * A pickup is over when the provider has answered QUIT and nothing more is to be fetched
 * (WORK_DONE), or earlier, for the first reason that comes up (WORK_ENDED): the server
 * cannot be reached or breaks off, our own settings or disk fail, the supervisor or a
 * signal says stop, or the link may be used no longer. In all these cases it leaves at
 * once, in the middle of a message too: what is durable here is known, and the rest stays
 * at the provider for the next pickup.
 *
 * A message that the server refuses, or that does not fit into what the link has left, is
 * a reason for the exit code, and ends nothing: the others are fetched first.
 *
 * Removals are final only with QUIT, so a long run goes over several connections, one
 * after the other. None is begun after WORK_ENDED.
 */

#define CONNECTIONS_MAX 10000 /* a server that forgets what was removed ends here */

/* So many bytes must have come before the rate of a connection is believed. */
#define RATE_BYTES UINT64_C(16384)

static void leave(struct work *work, enum work_state state)
{
	if (work->state == WORK_FETCHING)
		work->state = state;
	transfer_leave(&work->transfer);
}

static void fail(struct work *work, const struct err *err)
{
	transfer_blame(&work->transfer, err);
	leave(work, WORK_ENDED);
}

/* It is over at once; what is only half here stays at the provider. */
static void on_stop(void *ctx, const char *why)
{
	struct err err = { 0 };

	err_temporary(&err, "", "%s", why);
	fail(ctx, &err);
}

static bool may_continue(void *ctx)
{
	struct work *work = ctx;
	const char *why;

	if (work->state == WORK_FETCHING &&
	    quota_is_over(&work->quota, provider_connection_used(work->connection),
			  clock_wall_s(), &why))
		on_stop(work, why);
	return work->state == WORK_FETCHING;
}

static void on_limit(void *ctx, uint64_t most_bytes, int64_t until)
{
	struct work *work = ctx;

	/* What did not fit before is fetched by the next pickup. */
	(void)quota_allow(&work->quota, most_bytes, until);
	(void)may_continue(work);
}

void work_tell_progress(struct work *work)
{
	const struct remote_mailbox *mailbox = &work->mailbox;
	struct fetch_left left = provider_connection_left(work->connection);
	uint64_t open_bytes = provider_connection_used(work->connection);
	char label[LINK_WORK_NAME_MAX];

	if (!mailbox->pickup.name)
		return;
	supervisor_progress(
		work->supervisor,
		&(struct link_progress){
			.sent = work->counters.fetched,
			.sent_bytes = work->counters.bytes + left.partly_bytes,
			.waiting = left.messages,
			.waiting_bytes = limit_left(left.bytes, left.partly_bytes),
			.used_bytes = quota_used(&work->quota, open_bytes),
			.refused = work->counters.refused,
			.smarthost =
				span_of(link_pickup_label(mailbox->pickup.name, label)),
			.link = span_of(mailbox->path.link.name),
			.doing = span_of(work->doing),
		});
}

static void on_tick(void *ctx)
{
	(void)may_continue(ctx);
	work_tell_progress(ctx);
}

/* Bytes a second: as this connection has measured, else as the link's hook told; 0: not
 * known. */
static uint64_t rate_of(const struct work *work)
{
	uint64_t used = provider_connection_used(work->connection);
	int64_t ms = provider_connection_age_ms(work->connection);

	if (used >= RATE_BYTES && ms > 0)
		return used * 1000 / (uint64_t)ms;
	return work->mailbox.path.link.speed_bps / 8;
}

static bool has_room(void *ctx, uint64_t octets, uint64_t begun_octets)
{
	const struct work *work = ctx;
	const struct quota_use use = {
		.open_bytes = provider_connection_used(work->connection),
		.begun_bytes = begun_octets ? remote_mailbox_cost(begun_octets) : 0,
		.bytes_per_s = rate_of(work),
		.now = clock_wall_s(),
		.is_connected = true,
	};

	return remote_mailbox_cost(octets) <= quota_room(&work->quota, &use);
}

static void on_connected(void *ctx)
{
	struct work *work = ctx;

	work->note.refused = false;
	work->doing = "listing";
}

static void on_listed(void *ctx)
{
	struct work *work = ctx;

	work->doing = "fetching";
	work_tell_progress(work);
}

static void on_result(void *ctx, enum fetch_result result, uint64_t bytes,
		      const struct err *err)
{
	struct work *work = ctx;
	struct counters *counters = &work->counters;

	switch (result) {
	case FETCH_DELIVERED:
		counters->fetched++;
		counters->bytes += bytes;
		break;
	case FETCH_DUPLICATE:
		counters->duplicates++;
		break;
	case FETCH_DELETED:
		counters->deleted++;
		break;
	case FETCH_REFUSED:
		counters->refused++;
		break;
	case FETCH_LOOPED:
		break;
	}
	if (err)
		transfer_blame(&work->transfer, err);
}

static void on_not_connected(void *ctx, const struct err *err)
{
	struct work *work = ctx;

	if (err->kind == ERR_PERMANENT)
		work->note.refused = true;
	fail(work, err);
}

static void on_lost(void *ctx, const struct err *err)
{
	fail(ctx, err);
}

void work_close_connection(struct work *work)
{
	work->quota.closed_bytes += provider_connection_used(work->connection);
	provider_connection_close(work->connection);
	work->connection = NULL;
}

static void connect_anew(struct work *work);

static void on_done(void *ctx, bool has_more)
{
	struct work *work = ctx;

	work->left = provider_connection_left(work->connection);
	work_close_connection(work);
	if (has_more && work->state == WORK_FETCHING &&
	    work->connections < CONNECTIONS_MAX)
		connect_anew(work);
	else
		leave(work, WORK_DONE);
}

static void on_secret(void *ctx, char *secret, const struct err *err)
{
	static const struct fetch_events events = {
		.on_connected = on_connected,
		.on_listed = on_listed,
		.on_result = on_result,
		.has_room = has_room,
		.may_continue = may_continue,
		.on_not_connected = on_not_connected,
		.on_lost = on_lost,
		.on_done = on_done,
	};
	struct work *work = ctx;

	if (err) {
		fail(work, err);
		return;
	}
	work->doing = "connecting";
	work->connection = provider_connection_open(work->transfer.loop, &work->mailbox,
						    secret, &events, work);
	remote_secret_wipe(secret);
}

/* The secret is asked for each time: a token may have become too old meanwhile. */
static void connect_anew(struct work *work)
{
	struct remote_account account = remote_account_of_pickup(&work->mailbox.pickup);

	work->connections++;
	remote_secret_ask(
		&work->secret, work->transfer.loop,
		&(struct remote_secret_request){ .account = &account,
						 .control_fd = work->mailbox.control_fd,
						 .handler = on_secret,
						 .ctx = work });
}

static void choose_link(struct work *work)
{
	struct remote_mailbox *mailbox = &work->mailbox;
	struct link_choice choice;

	link_path_choose(&(struct link_path_wish){ .root_fd = mailbox->root_fd,
						   .control_fd = mailbox->control_fd,
						   .use = LINK_FOR_PICKUP,
						   .name = mailbox->pickup.name,
						   .host = mailbox->pickup.host,
						   .now = clock_wall_s() },
			 &mailbox->path, &choice);
	quota_begin(&work->quota, &choice);
	mailbox->most_octets = limit_least(limit_of_setting(mailbox->pickup.maxsize),
					   work->quota.maxsize);
}

static bool begin(struct work *work, struct err *err)
{
	struct remote_mailbox *mailbox = &work->mailbox;
	bool is_open =
		remote_mailbox_open(mailbox, work->wish.name, work->wish.proves, err);

	/* Its note is the lock holder's, also if nothing comes of it. */
	if (mailbox->lock_fd >= 0) {
		pickup_note_read(mailbox->root_fd, mailbox->pickup.name, &work->note);
		work->note.last_try = clock_wall_s();
	}
	if (!is_open)
		return false;
	choose_link(work);
	connect_anew(work);
	return true;
}

int work_run(const struct work_wish *wish)
{
	static const struct transfer_handler on_loop = { on_stop, on_tick };
	static const struct supervisor_handler supervised = { .on_stop = on_stop,
							      .on_limit = on_limit };
	struct work work = { .wish = *wish,
			     .mailbox = REMOTE_MAILBOX_INIT,
			     .quota = QUOTA_UNLIMITED,
			     .doing = "starting" };
	struct err err = { 0 };

	transfer_begin(&work.transfer, &on_loop, &work, !wish->is_alone && !wish->proves);
	work.supervisor = supervisor_open(work.transfer.loop, &supervised, &work);
	if (begin(&work, &err))
		transfer_run(&work.transfer);
	else
		fail(&work, &err);
	return work_end(&work);
}
