/* What `lontar stats` shows of struct stats: one description for text and JSON. */
#ifndef REPORT_STATS_TABLE_H
#define REPORT_STATS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/stats.h"

/* One column of a table; the key comes last in text. */
struct stats_column {
	const char *text; /* qmailanalog's word; NULL ends a list */
	const char *json;
	const char *about;
	uint64_t (*number)(const struct count *count); /* or: */
	double (*seconds)(const struct count *count);
};

struct stats_table {
	const char *name; /* qmailanalog's, without the z */
	const char *title;
	const char *json;
	const char *key;
	size_t counts; /* where in struct stats */
	const struct stats_column *columns;
	int (*order)(const void *one, const void *other);
	bool is_usual;
};

#define STATS_TABLES 8
extern const struct stats_table stats_table_rows[STATS_TABLES];

const struct counts *stats_table_counts(const struct stats *stats,
					const struct stats_table *table);

/* The distribution of ddelays: within how many seconds were so many percent of the
 * successes done? */
#define STATS_PERCENTS 12
struct stats_part {
	double percent;
	double done_by_s;
	double mean_s;
};
/* False: there is no success with known times. Sorts the ddelays. */
bool stats_parts(struct stats *stats, struct stats_part parts_out[STATS_PERCENTS]);

/* 0 where count is. */
double stats_mean(double sum, uint64_t count);
/* From the first try's beginning to the last one's end. */
double stats_span_s(const struct stats *stats);
double stats_ddelay_s(const struct stats *stats);

#endif
