#include <stdlib.h>

#include "report/json.h"
#include "report/stats.h"
#include "report/stats_table.h"

#define NS_A_S INT64_C(1000000000)

static json_t *overall_json(const struct stats *stats)
{
	double ddelay_s = stats_ddelay_s(stats);
	json_t *json = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f}",
		"messages", (json_int_t)stats->messages, "recipients",
		(json_int_t)stats->recipients, "tries", (json_int_t)stats->tries, "bytes",
		(json_int_t)stats->bytes, "success_bytes",
		(json_int_t)stats->success_bytes, "mean_qtime_s",
		stats_mean(stats->qtime_s, stats->timed_messages), "success",
		(json_int_t)stats->success, "failure", (json_int_t)stats->failure,
		"deferral", (json_int_t)stats->deferral, "ddelay_s", ddelay_s,
		"mean_ddelay_s", stats_mean(ddelay_s, stats->ddelay_count), "xdelay_s",
		stats->xdelay_s, "mean_xdelay_s",
		stats_mean(stats->xdelay_s, stats->timed_tries), "mean_concurrency",
		stats_span_s(stats) > 0 ? stats->xdelay_s / stats_span_s(stats) : 0.);

	json_object_set_new(json, "span_s", json_real(stats_span_s(stats)));
	json_object_set_new(json, "first", report_when(stats->first_ns / NS_A_S));
	json_object_set_new(json, "last", report_when(stats->last_ns / NS_A_S));
	json_object_set_new(json, "most_local",
			    json_integer((json_int_t)stats->most_local));
	json_object_set_new(json, "most_remote",
			    json_integer((json_int_t)stats->most_remote));
	json_object_set_new(json, "bounces",
			    json_integer((json_int_t)stats->notes[MATCH_BOUNCE]));
	json_object_set_new(json, "triple_bounces",
			    json_integer((json_int_t)stats->notes[MATCH_TRIPLE_BOUNCE]));
	json_object_set_new(json, "alerts",
			    json_integer((json_int_t)stats->notes[MATCH_ALERT]));
	json_object_set_new(json, "warnings",
			    json_integer((json_int_t)stats->notes[MATCH_WARNING]));
	return json;
}

static json_t *ddist_json(struct stats *stats)
{
	struct stats_part parts[STATS_PERCENTS];
	json_t *rows = json_array();

	if (!stats_parts(stats, parts))
		return rows;
	for (size_t i = 0; i < STATS_PERCENTS; i++)
		json_array_append_new(rows, json_pack("{s:f, s:f, s:f}", "percent",
						      parts[i].percent, "done_by_s",
						      parts[i].done_by_s, "mean_s",
						      parts[i].mean_s));
	return rows;
}

static json_t *table_json(const struct stats *stats, const struct stats_table *table,
			  uint64_t top)
{
	const struct counts *counts = stats_table_counts(stats, table);
	const struct count **sorted = counts_sort(counts, table->order);
	json_t *rows = json_array();

	for (size_t i = 0; i < counts->used && (!top || i < top); i++) {
		json_t *row = json_object();

		json_object_set_new(row, table->key, report_text(sorted[i]->key));
		for (const struct stats_column *column = table->columns; column->text;
		     column++)
			json_object_set_new(
				row, column->json,
				column->number ? json_integer((json_int_t)column->number(
							 sorted[i]))
					       : json_real(column->seconds(sorted[i])));
		json_array_append_new(rows, row);
	}
	free(sorted);
	return rows;
}

bool stats_print_json(struct stats *stats, uint64_t top, FILE *to, struct err *err)
{
	json_t *document = json_object();

	json_object_set_new(document, "overall", overall_json(stats));
	json_object_set_new(document, "ddist", ddist_json(stats));
	for (size_t i = 0; i < STATS_TABLES; i++)
		json_object_set_new(document, stats_table_rows[i].json,
				    table_json(stats, &stats_table_rows[i], top));
	return report_print(document, to, err);
}
