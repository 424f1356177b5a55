#include "control/linkfile.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/number.h"
#include "control/keyvalue.h"
#include "control/routes.h"
#include "control/smarthost.h"
#include "control/words.h"

#define KEY(field, kind)                                                         \
	{                                                                        \
#field, KEYVALUE_##kind, offsetof(struct linkfile, field), NULL, \
			INT64_MAX                                                \
	}

#define DAY_S         INT64_C(86400)
#define REDIAL_MOST   100

#define DIALTIME_S    90
#define CALLTIME_S    3600
#define REDIAL        3
#define PROBE_EVERY_S 300

#define PLAIN_KEY(name, field, kind, most)                                          \
	{                                                                           \
		name, KEYVALUE_##kind, offsetof(struct linkfile, field), NULL, most \
	}

static const struct keyvalue_key keys[] = {
	KEY(interface, TEXT),
	KEY(smarthosts, NAMES),
	KEY(pickups, NAMES),
	KEY(window, REPEATED),
	KEY(budget, REPEATED),
	KEY(cost, REPEATED),
	KEY(maxsize, BYTES),
	{ "priority", KEYVALUE_WORD, offsetof(struct linkfile, priority), priority_words,
	  0 },
	KEY(dial, TEXT),
	KEY(hangup, TEXT),
	PLAIN_KEY("dialtime", dialtime_s, SECONDS, DAY_S),
	PLAIN_KEY("calltime", calltime_s, SECONDS, 7 * DAY_S),
	PLAIN_KEY("redial", redial, NUMBER, REDIAL_MOST),
	KEY(callwhen, REPEATED),
	KEY(probe, TEXT),
	{ .name = NULL },
};

/* A file being read, and who hears of its faults. */
struct reading {
	const char *path;
	struct linkfile *link;
	void (*fault)(void *ctx, const struct err *err);
	void *ctx;
};

static void tell(const struct reading *reading, unsigned line, struct err *err)
{
	if (line)
		err_context(err, "control/%s:%u", reading->path, line);
	reading->fault(reading->ctx, err);
}

static void read_names(const struct reading *reading, const struct settings_list *names)
{
	struct err err;

	for (size_t i = 0; i < names->count; i++) {
		if (smarthost_name_is_valid(names->lines[i]))
			continue;
		err_exit(&err, EX_CONFIG,
			 "\"%.60s\" is no name; use a-z, 0-9, \".\" and \"-\"",
			 names->lines[i]);
		tell(reading, names->numbers[i], &err);
	}
}

static void read_windows(const struct reading *reading)
{
	const struct settings_list *lines = &reading->link->window;
	struct err err;

	reading->link->windows =
		must_alloc((lines->count + 1) * sizeof(*reading->link->windows));
	for (size_t i = 0; i < lines->count; i++)
		if (!link_window_parse(span_of(lines->lines[i]),
				       &reading->link->windows[i], &err))
			tell(reading, lines->numbers[i], &err);
}

static void read_cost(const struct reading *reading)
{
	const struct settings_list *lines = &reading->link->cost;
	struct err err;

	for (size_t i = 0; i < lines->count; i++)
		if (!link_cost_parse(span_of(lines->lines[i]), &reading->link->price,
				     &err))
			tell(reading, lines->numbers[i], &err);
}

/* Beside the others of the file. */
static bool fits(const struct linkfile *link, size_t at, struct err *err)
{
	const struct link_budget *budget = &link->budgets[at];
	const struct link_cost *price = &link->price;

	for (size_t i = 0; i < at; i++) {
		const struct link_budget *other = &link->budgets[i];

		if (other->unit == budget->unit && other->period == budget->period)
			return err_exit(err, EX_CONFIG,
					"budget: a second one of this kind per %s; keep "
					"one of them",
					link_period_word(budget->period));
		if (other->period == LINK_MONTH && budget->period == LINK_MONTH &&
		    other->month_day != budget->month_day)
			return err_exit(err, EX_CONFIG,
					"budget: this month begins on another day than "
					"that of line %u; write the same \"from\"",
					link->budget.numbers[i]);
	}
	if (budget->unit != LINK_MONEY)
		return true;
	if (!price->currency[0])
		return err_exit(err, EX_CONFIG,
				"budget: what the link costs is not known; add a line "
				"\"cost\", as \"cost 0.50 %s per mb\"",
				budget->currency);
	return strcmp(price->currency, budget->currency) == 0 ||
	       err_exit(err, EX_CONFIG,
			"budget: the link costs %s, and this is %s; write both in one "
			"currency",
			price->currency, budget->currency);
}

static void read_budgets(const struct reading *reading)
{
	const struct settings_list *lines = &reading->link->budget;
	struct linkfile *link = reading->link;
	struct err err;

	link->month_day = 1;
	link->budgets = must_alloc((lines->count + 1) * sizeof(*link->budgets));
	for (size_t i = 0; i < lines->count; i++) {
		struct link_budget *budget = &link->budgets[i];

		if (!link_budget_parse(span_of(lines->lines[i]), budget, &err) ||
		    !fits(link, i, &err))
			tell(reading, lines->numbers[i], &err);
		else if (budget->period == LINK_MONTH)
			link->month_day = budget->month_day;
	}
}

/* probe = smarthost [ "every" time ] */
static void read_probe(const struct reading *reading)
{
	struct linkfile *link = reading->link;
	struct span rest, name, word;
	struct err err;
	bool fine;

	if (!link->probe)
		return;
	rest = span_of(link->probe);
	(void)words_next(&rest, &name);
	fine = !words_next(&rest, &word) ||
	       (span_is_word(word, "every") && words_next(&rest, &word) &&
		number_parse_seconds(word, DAY_S, &link->probe_every_s) &&
		link->probe_every_s && !words_next(&rest, &word));
	link->probe[name.len] = '\0';
	if (!fine)
		err_exit(&err, EX_CONFIG,
			 "control/%s: probe: write `probe SMARTHOST` or `probe SMARTHOST "
			 "every 5m`",
			 reading->path);
	else if (!smarthost_name_is_valid(link->probe))
		err_exit(&err, EX_CONFIG,
			 "control/%s: probe: \"%.60s\" is no name of a smarthost",
			 reading->path, link->probe);
	else
		return;
	tell(reading, 0, &err);
}

static const struct linkfile defaults = { .dialtime_s = DIALTIME_S,
					  .calltime_s = CALLTIME_S,
					  .redial = REDIAL,
					  .probe_every_s = PROBE_EVERY_S };

/* *found_out: there is such a file. */
static void read_file(int control_fd, const char *name, const struct reading *reading,
		      bool *found_out)
{
	struct linkfile *link = reading->link;
	struct err err;

	*found_out = true;
	if (!keyvalue_read_all(control_fd, reading->path, keys, link,
			       &(struct keyvalue_ear){ reading->fault, reading->ctx },
			       &err)) {
		*found_out = err.exit_code != EX_NOINPUT;
		if (*found_out)
			tell(reading, 0, &err);
	}
	link->name = must_copy(name);
	read_names(reading, &link->smarthosts);
	read_names(reading, &link->pickups);
	read_windows(reading);
	read_cost(reading);
	read_budgets(reading);
	read_probe(reading);
}

static void keep_first(void *ctx, const struct err *err)
{
	struct err *first = ctx;

	if (first->kind == ERR_NONE)
		*first = *err;
}

bool linkfile_load(int control_fd, const char *name, struct linkfile *link_out,
		   bool *found_out, struct err *err)
{
	char path[SMARTHOST_NAME_MAX + 16];
	struct err first = { 0 };
	bool found;

	if (!smarthost_name_is_valid(name))
		return err_exit(err, EX_NOINPUT,
				"no link \"%.60s\": a name is of a-z, 0-9, \".\" and "
				"\"-\"",
				name);
	*link_out = defaults;
	snprintf(path, sizeof(path), "links/%s", name);
	read_file(control_fd, name,
		  &(struct reading){ path, link_out, keep_first, &first }, &found);
	if (found_out)
		*found_out = found;
	if (first.kind == ERR_NONE)
		return true;
	linkfile_clear(link_out);
	*err = first;
	return false;
}

static void pass_over(void *ctx, const struct err *err)
{
	(void)ctx;
	(void)err;
}

bool linkfile_interface(int control_fd, const char *name,
			char interface_out[LINKFILE_INTERFACE_MAX])
{
	char path[SMARTHOST_NAME_MAX + 16];
	struct linkfile link = defaults;
	bool found;

	snprintf(path, sizeof(path), "links/%s", name);
	read_file(control_fd, name, &(struct reading){ path, &link, pass_over, NULL },
		  &found);
	interface_out[0] = '\0';
	if (link.interface && strlen(link.interface) < LINKFILE_INTERFACE_MAX)
		snprintf(interface_out, LINKFILE_INTERFACE_MAX, "%s", link.interface);
	linkfile_clear(&link);
	return found;
}

void linkfile_check(int control_fd, const char *name,
		    void (*fault)(void *ctx, const struct err *err), void *ctx)
{
	char path[SMARTHOST_NAME_MAX + 16];
	struct linkfile link = defaults;
	bool ignored;

	snprintf(path, sizeof(path), "links/%s", name);
	read_file(control_fd, name, &(struct reading){ path, &link, fault, ctx },
		  &ignored);
	linkfile_clear(&link);
}

void linkfile_clear(struct linkfile *link)
{
	keyvalue_clear(keys, link);
	free(link->name);
	free(link->windows);
	free(link->budgets);
	*link = (struct linkfile){ 0 };
}
