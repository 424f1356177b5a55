#include "report/large.h"

#include "base/clock.h"
#include "base/number.h"
#include "report/json.h"

static const struct {
	const char *state;
	const char *words;
} wishes[] = {
	[LARGE_WAIT] = { "waiting",
			 "waits there until somebody asks: lontar release ID" },
	[LARGE_FETCH] = { "asked", "asked for: comes with the next pickup" },
	[LARGE_DROP] = { "dropped", "will be deleted there, unread" },
};

static int64_t age_of(const struct large *large)
{
	int64_t now = clock_wall_s();

	return now > large->since ? now - large->since : 0;
}

json_t *report_large_json(const struct large *larges, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			list,
			json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:I, s:o, s:s}", "id",
				  larges[i].id, "size", (json_int_t)larges[i].octets,
				  "from", report_words(larges[i].from), "subject",
				  report_words(larges[i].subject), "date",
				  report_words(larges[i].date), "recipient",
				  report_words(larges[i].recipient), "age_s",
				  (json_int_t)age_of(&larges[i]), "cost",
				  report_words(larges[i].cost), "state",
				  wishes[larges[i].wish].state));
	return list;
}

void report_large_print(const struct large *larges, size_t count, FILE *to)
{
	for (size_t i = 0; i < count; i++) {
		const struct large *large = &larges[i];
		char size[NUMBER_TEXT_MAX], age[CLOCK_TEXT_MAX];

		fprintf(to, "%s  %s  %s  at the provider of pickup %s\n", large->id,
			number_format_bytes(large->octets, size),
			clock_format_duration(age_of(large), age), large->pickup);
		fprintf(to, "    from %s to %s\n", large->from[0] ? large->from : "?",
			large->recipient);
		if (large->subject[0])
			fprintf(to, "    subject: %s\n", large->subject);
		if (large->cost[0])
			fprintf(to, "    costs %s\n", large->cost);
		fprintf(to, "    %s\n", wishes[large->wish].words);
	}
}
