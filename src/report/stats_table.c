#include "report/stats_table.h"

#include <stdlib.h>
#include <string.h>

static uint64_t messages(const struct count *count)
{
	return count->messages;
}

static uint64_t bytes(const struct count *count)
{
	return count->bytes;
}

static uint64_t success_bytes(const struct count *count)
{
	return count->success_bytes;
}

static uint64_t recipient_bytes(const struct count *count)
{
	return count->recipient_bytes;
}

static uint64_t recipients(const struct count *count)
{
	return count->recipients;
}

static uint64_t tries(const struct count *count)
{
	return count->tries;
}

static double xdelay(const struct count *count)
{
	return count->xdelay_s;
}

static double mean_xdelay(const struct count *count)
{
	return count->tries ? count->xdelay_s / (double)count->tries : 0;
}

static const struct stats_column of_reason[] = {
	{ "del", "deliveries", "the number of deliveries that ended for this reason",
	  tries, NULL },
	{ "xdelay", "xdelay_s", "the total xdelay of those deliveries", NULL, xdelay },
	{ .text = NULL },
};

static const struct stats_column of_sender[] = {
	{ "mess", "messages", "the number of messages from there", messages, NULL },
	{ "bytes", "bytes", "the number of bytes in them", bytes, NULL },
	{ "sbytes", "success_bytes", "bytes, once for each successful delivery",
	  success_bytes, NULL },
	{ "rbytes", "recipient_bytes", "bytes, once for each recipient", recipient_bytes,
	  NULL },
	{ "recips", "recipients", "the number of recipients (success plus failure)",
	  recipients, NULL },
	{ "tries", "tries", "the number of tries (success, failure, deferral)", tries,
	  NULL },
	{ "xdelay", "xdelay_s", "the total xdelay of those tries", NULL, xdelay },
	{ .text = NULL },
};

static const struct stats_column of_recipient[] = {
	{ "sbytes", "success_bytes", "the number of bytes successfully delivered there",
	  success_bytes, NULL },
	{ "mess", "messages", "the number of messages (success plus failure)", messages,
	  NULL },
	{ "tries", "tries", "the number of tries (success, failure, deferral)", tries,
	  NULL },
	{ "xdelay", "xdelay_s", "the total xdelay of those tries", NULL, xdelay },
	{ .text = NULL },
};

static const struct stats_column of_xdelay[] = {
	{ "mean", "mean_xdelay_s", "the average xdelay of a try", NULL, mean_xdelay },
	{ "tries", "tries", "the number of tries (success, failure, deferral)", tries,
	  NULL },
	{ .text = NULL },
};

static int compare(uint64_t one, uint64_t other)
{
	return (one < other) - (one > other);
}

static int by_key(const struct count *one, const struct count *other)
{
	return strcmp(one->key, other->key);
}

static int most_tries(const void *one, const void *other)
{
	const struct count *a = *(const struct count *const *)one;
	const struct count *b = *(const struct count *const *)other;
	int order = compare(a->tries, b->tries);

	return order ? order : by_key(a, b);
}

static int most_messages(const void *one, const void *other)
{
	const struct count *a = *(const struct count *const *)one;
	const struct count *b = *(const struct count *const *)other;
	int order = compare(a->messages, b->messages);

	return order ? order : by_key(a, b);
}

/* For the order of a mailing list: the quickest first. */
static int least_xdelay(const void *one, const void *other)
{
	const struct count *a = *(const struct count *const *)one;
	const struct count *b = *(const struct count *const *)other;
	double mine = mean_xdelay(a), yours = mean_xdelay(b);
	int order = (mine > yours) - (mine < yours);

	return order ? order : by_key(a, b);
}

const struct stats_table stats_table_rows[] = {
	{ "failures", "Reasons for failure", "failures", "reason",
	  offsetof(struct stats, failures), of_reason, most_tries, true },
	{ "deferrals", "Reasons for deferral", "deferrals", "reason",
	  offsetof(struct stats, deferrals), of_reason, most_tries, true },
	{ "successes", "Reasons for success", "successes", "reason",
	  offsetof(struct stats, successes), of_reason, most_tries, false },
	{ "senders", "Senders", "senders", "sender", offsetof(struct stats, senders),
	  of_sender, most_messages, true },
	{ "recipients", "Recipients", "recipients", "recipient",
	  offsetof(struct stats, recipients_by_name), of_recipient, most_messages, true },
	{ "rhosts", "Recipient hosts", "hosts", "host", offsetof(struct stats, hosts),
	  of_recipient, most_messages, true },
	{ "rxdelay", "Recipients, the quickest first", "recipients_by_xdelay",
	  "recipient", offsetof(struct stats, recipients_by_name), of_xdelay,
	  least_xdelay, false },
	{ "suids", "Sending users (uid)", "uids", "uid", offsetof(struct stats, uids),
	  of_sender, most_messages, false },
};

const char *stats_tables(void)
{
	return "overall, ddist, failures, deferrals, successes, senders, recipients, "
	       "rhosts, rxdelay, suids";
}

const struct counts *stats_table_counts(const struct stats *stats,
					const struct stats_table *table)
{
	return (const struct counts *)((const char *)stats + table->counts);
}

double stats_mean(double sum, uint64_t count)
{
	return count ? sum / (double)count : 0;
}

double stats_span_s(const struct stats *stats)
{
	return (double)(stats->last_ns - stats->first_ns) / 1e9;
}

double stats_ddelay_s(const struct stats *stats)
{
	double sum = 0;

	for (size_t i = 0; i < stats->ddelay_count; i++)
		sum += (double)stats->ddelays_s[i];
	return sum;
}

static int by_size(const void *one, const void *other)
{
	float a = *(const float *)one, b = *(const float *)other;

	return (a > b) - (a < b);
}

bool stats_parts(struct stats *stats, struct stats_part parts_out[STATS_PERCENTS])
{
	static const double percents[STATS_PERCENTS] = { 10, 20, 30, 40, 50, 60,
							 70, 80, 90, 95, 99, 100 };
	double sum = 0;
	size_t used = 0;

	if (!stats->ddelay_count)
		return false;
	qsort(stats->ddelays_s, stats->ddelay_count, sizeof(*stats->ddelays_s), by_size);
	for (size_t i = 0; i < STATS_PERCENTS; i++) {
		size_t part = (size_t)((double)stats->ddelay_count * percents[i] / 100.);

		/* One at least. */
		for (; used < part || !used; used++)
			sum += (double)stats->ddelays_s[used];
		parts_out[i] = (struct stats_part){ percents[i],
						    (double)stats->ddelays_s[used - 1],
						    stats_mean(sum, used) };
	}
	return true;
}
