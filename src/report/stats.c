#include "report/stats.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"

#define CUT_MIN  700 /* splogger cuts a line at 800 bytes */
#define CUT_MAX  ((size_t)64 * 1024)
#define NS_A_S   1e9
#define ROOM_MIN 1024

static double seconds(int64_t from_ns, int64_t to_ns)
{
	return to_ns > from_ns ? (double)(to_ns - from_ns) / NS_A_S : 0;
}

static void on_message(void *ctx, const struct match_message *message, int64_t done_ns)
{
	struct stats *stats = ctx;
	uint64_t recipients = message->success + message->failure;
	char uid[24];

	stats->messages++;
	stats->recipients += recipients;
	stats->tries += recipients + message->deferral;
	stats->bytes += message->bytes;
	stats->success_bytes += message->bytes * message->success;
	if (message->birth_ns && done_ns) {
		stats->timed_messages++;
		stats->qtime_s += seconds(message->birth_ns, done_ns);
	}
	snprintf(uid, sizeof(uid), "%" PRIu64, message->uid);
	for (int i = 0; i < 2; i++) {
		struct count *count =
			i ? counts_at(&stats->uids, span_of(uid))
			  : counts_at(&stats->senders, span_of(message->sender));

		count->messages++;
		count->bytes += message->bytes;
		count->recipient_bytes += message->bytes * recipients;
		count->recipients += recipients;
	}
}

/* The times of one try; where its beginning is not known it has none. */
static double take_times(struct stats *stats, const struct match_delivery *delivery)
{
	double xdelay_s;

	if (!delivery->began_ns || !delivery->done_ns)
		return 0;
	xdelay_s = seconds(delivery->began_ns, delivery->done_ns);
	stats->timed_tries++;
	stats->xdelay_s += xdelay_s;
	if (!stats->first_ns || delivery->began_ns < stats->first_ns)
		stats->first_ns = delivery->began_ns;
	if (delivery->done_ns > stats->last_ns)
		stats->last_ns = delivery->done_ns;
	return xdelay_s;
}

static void take_ddelay(struct stats *stats, const struct match_delivery *delivery)
{
	if (!delivery->message.birth_ns || !delivery->done_ns)
		return;
	if (stats->ddelay_count == stats->ddelay_room) {
		stats->ddelay_room =
			stats->ddelay_room ? stats->ddelay_room * 2 : ROOM_MIN;
		stats->ddelays_s = must_resize(stats->ddelays_s, stats->ddelay_room,
					       sizeof(*stats->ddelays_s));
	}
	stats->ddelays_s[stats->ddelay_count++] =
		(float)seconds(delivery->message.birth_ns, delivery->done_ns);
}

static void count_try(struct count *count, const struct match_delivery *delivery,
		      double xdelay_s)
{
	count->tries++;
	count->xdelay_s += xdelay_s;
	if (delivery->result == MATCH_SUCCESS)
		count->success_bytes += delivery->message.bytes;
}

static void count_recipient(struct counts *counts, struct span name,
			    const struct match_delivery *delivery, double xdelay_s)
{
	struct count *count = counts_at(counts, name);

	count_try(count, delivery, xdelay_s);
	count->messages += delivery->result != MATCH_DEFERRAL;
}

/* "remote.bob@b" is at "remote.b". */
static void count_host(struct stats *stats, const struct match_delivery *delivery,
		       double xdelay_s)
{
	const char *dot = strchr(delivery->recipient, '.');
	const char *at = strrchr(delivery->recipient, '@');
	char host[300];

	if (!dot)
		return;
	snprintf(host, sizeof(host), "%.*s%s", (int)(dot + 1 - delivery->recipient),
		 delivery->recipient, at ? at + 1 : "");
	count_recipient(&stats->hosts, span_of(host), delivery, xdelay_s);
}

static void on_delivery(void *ctx, const struct match_delivery *delivery)
{
	struct stats *stats = ctx;
	double xdelay_s = take_times(stats, delivery);
	struct counts *reasons = NULL;
	char uid[24];

	switch (delivery->result) {
	case MATCH_SUCCESS:
		stats->success++;
		reasons = &stats->successes;
		take_ddelay(stats, delivery);
		break;
	case MATCH_FAILURE:
		stats->failure++;
		reasons = &stats->failures;
		break;
	case MATCH_DEFERRAL:
		stats->deferral++;
		reasons = &stats->deferrals;
		break;
	}
	count_try(counts_at(reasons, delivery->reason), delivery, xdelay_s);
	if (delivery->recipient[0]) {
		count_recipient(&stats->recipients_by_name, span_of(delivery->recipient),
				delivery, xdelay_s);
		count_host(stats, delivery, xdelay_s);
	}
	if (!delivery->message.is_known)
		return;
	snprintf(uid, sizeof(uid), "%" PRIu64, delivery->message.uid);
	count_try(counts_at(&stats->uids, span_of(uid)), delivery, xdelay_s);
	count_try(counts_at(&stats->senders, span_of(delivery->message.sender)), delivery,
		  xdelay_s);
}

static void on_note(void *ctx, enum match_note note)
{
	((struct stats *)ctx)->notes[note]++;
}

static void on_status(void *ctx, uint64_t local, uint64_t remote)
{
	struct stats *stats = ctx;

	if (local > stats->most_local)
		stats->most_local = local;
	if (remote > stats->most_remote)
		stats->most_remote = remote;
}

static const struct match_handler handler = { on_message, on_delivery, on_note,
					      on_status };

void stats_init(struct stats *stats, int64_t now_s)
{
	*stats = (struct stats){ .stamps = { .now_s = now_s }, .cut = BUF_INIT(CUT_MAX) };
	stats->match = match_new(&handler, stats);
}

void stats_clear(struct stats *stats)
{
	match_free(stats->match);
	free(stats->ddelays_s);
	buf_clear(&stats->cut);
	counts_clear(&stats->senders);
	counts_clear(&stats->recipients_by_name);
	counts_clear(&stats->hosts);
	counts_clear(&stats->uids);
	counts_clear(&stats->successes);
	counts_clear(&stats->failures);
	counts_clear(&stats->deferrals);
	*stats = (struct stats){ 0 };
}

void stats_end(struct stats *stats)
{
	if (stats->cut.len)
		match_line(stats->match, stats->cut_ns, buf_span(&stats->cut));
	buf_reset(&stats->cut);
}

void stats_line(struct stats *stats, struct span line)
{
	struct stamp stamp = stamp_take(&stats->stamps, &line);

	stats->lines++;
	/* Past the ceiling the rest is not missed. */
	if (stamp.continues && stats->cut.len) {
		(void)!buf_append_span(&stats->cut, line);
		return;
	}
	stats_end(stats);
	if (line.len < CUT_MIN) {
		match_line(stats->match, stamp.ns, line);
		return;
	}
	stats->cut_ns = stamp.ns;
	if (!buf_append_span(&stats->cut, line))
		match_line(stats->match, stamp.ns, line);
}
