#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/stats.h"
#include "report/stats_table.h"

#define DAY_S 86400.

static void print_overall(const struct stats *stats, FILE *to)
{
	uint64_t tries_all = stats->success + stats->failure + stats->deferral;
	double ddelay_s = stats_ddelay_s(stats);

	fprintf(to,
		"Completed messages: %" PRIu64 "\n"
		"Recipients for completed messages: %" PRIu64 "\n"
		"Total delivery attempts for completed messages: %" PRIu64 "\n"
		"Average delivery attempts per completed message: %.5g\n"
		"Bytes in completed messages: %" PRIu64 "\n"
		"Bytes weighted by success: %" PRIu64 "\n"
		"Average message qtime (s): %.6g\n\n",
		stats->messages, stats->recipients, stats->tries,
		stats_mean((double)stats->tries, stats->messages), stats->bytes,
		stats->success_bytes, stats_mean(stats->qtime_s, stats->timed_messages));
	fprintf(to,
		"Total delivery attempts: %" PRIu64 "\n"
		"  success: %" PRIu64 "\n"
		"  failure: %" PRIu64 "\n"
		"  deferral: %" PRIu64 "\n"
		"Total ddelay (s): %.6f\n"
		"Average ddelay per success (s): %.6f\n"
		"Total xdelay (s): %.6f\n"
		"Average xdelay per delivery attempt (s): %.6f\n"
		"Time span (days): %.6g\n"
		"Average concurrency: %.6g\n",
		tries_all, stats->success, stats->failure, stats->deferral, ddelay_s,
		stats_mean(ddelay_s, stats->ddelay_count), stats->xdelay_s,
		stats_mean(stats->xdelay_s, stats->timed_tries),
		stats_span_s(stats) / DAY_S,
		stats_span_s(stats) > 0 ? stats->xdelay_s / stats_span_s(stats) : 0);
	fprintf(to,
		"Most at once: local %" PRIu64 ", remote %" PRIu64 "\n"
		"Bounces: %" PRIu64 "; thrown away: %" PRIu64 "\n"
		"Alerts: %" PRIu64 "; warnings: %" PRIu64 "\n",
		stats->most_local, stats->most_remote, stats->notes[MATCH_BOUNCE],
		stats->notes[MATCH_TRIPLE_BOUNCE], stats->notes[MATCH_ALERT],
		stats->notes[MATCH_WARNING]);
}

static void print_ddist(struct stats *stats, FILE *to)
{
	struct stats_part parts[STATS_PERCENTS];

	fprintf(to, "Distribution of ddelays for successful deliveries\n\n"
		    "Meaning of each line: The first pct%% of successful deliveries\n"
		    "were all done within doneby seconds. The average delay was avg.\n\n"
		    "   pct       doneby          avg\n");
	if (!stats_parts(stats, parts))
		return;
	for (size_t i = 0; i < STATS_PERCENTS; i++)
		fprintf(to, "%6g %12.2f %12.2f\n", parts[i].percent, parts[i].done_by_s,
			parts[i].mean_s);
}

static void print_row(const struct stats_column *columns, const struct count *count,
		      const char *key, FILE *to)
{
	for (const struct stats_column *column = columns; column->text; column++)
		if (!count)
			fprintf(to, "%12s ", column->text);
		else if (column->number)
			fprintf(to, "%12" PRIu64 " ", column->number(count));
		else
			fprintf(to, "%12.2f ", column->seconds(count));
	fputs(" ", to);
	/* For a terminal: what a stranger put there must not move the cursor. */
	for (const char *at = *key ? key : "<>"; *at; at++)
		fputc((unsigned char)*at < ' ' || *at == 127 ? '?' : *at, to);
	fputc('\n', to);
}

static void print_table(const struct stats *stats, const struct stats_table *table,
			uint64_t top, FILE *to)
{
	const struct counts *counts = stats_table_counts(stats, table);
	const struct count **sorted = counts_sort(counts, table->order);

	fprintf(to, "%s\n\nOne line per %s. Information on each line:\n", table->title,
		table->key);
	for (const struct stats_column *column = table->columns; column->text; column++)
		fprintf(to, "* %s is %s.\n", column->text, column->about);
	fputc('\n', to);
	print_row(table->columns, NULL, table->key, to);
	for (size_t i = 0; i < counts->used && (!top || i < top); i++)
		print_row(table->columns, sorted[i], sorted[i]->key, to);
	if (top && counts->used > top)
		fprintf(to, "(and %zu more)\n", counts->used - (size_t)top);
	free(sorted);
}

bool stats_print(struct stats *stats, const char *name, uint64_t top, FILE *to)
{
	bool found = false;

	if (!name || strcmp(name, "overall") == 0) {
		print_overall(stats, to);
		found = true;
	}
	if (!name || strcmp(name, "ddist") == 0) {
		if (found)
			fputs("\n\n", to);
		print_ddist(stats, to);
		found = true;
	}
	for (size_t i = 0; i < STATS_TABLES; i++) {
		const struct stats_table *table = &stats_table_rows[i];

		if (name ? strcmp(name, table->name) != 0
			 : !table->is_usual || !stats_table_counts(stats, table)->used)
			continue;
		if (found)
			fputs("\n\n", to);
		print_table(stats, table, top, to);
		found = true;
	}
	return found;
}
