#include "report/links.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "control/smarthost.h"
#include "link/budget.h"
#include "link/call.h"
#include "link/ledger.h"
#include "link/period.h"
#include "report/json.h"

#define INDENT 16

static void read_one(int root_fd, int control_fd, const struct link_note *note,
		     struct link_status *link_out)
{
	int64_t now = clock_wall_s();
	struct ledger ledger;
	struct err err;

	*link_out = (struct link_status){ .note = *note };
	link_out->dialling = !note->up && link_is_called(root_fd, note->name);
	if (!linkfile_load(control_fd, note->name, &link_out->file, NULL, &err)) {
		link_out->file = (struct linkfile){ 0 };
		snprintf(link_out->fault, sizeof(link_out->fault), "%s", err.text);
		return;
	}
	call_note_read(root_fd, note->name, &link_out->call);
	/* Counted on from what is written, and not written. */
	ledger_open(&ledger, root_fd, note->name);
	ledger_count(&ledger, &link_out->file, note, now);
	link_out->usage = ledger.usage;
	link_allowance_of(&link_out->file, &link_out->usage, note->up, now,
			  &link_out->allowance);
}

static bool is_noted(const struct link_note *notes, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(notes[i].name, name) == 0)
			return true;
	return false;
}

static int by_name(const void *one, const void *other)
{
	return strcmp(((const struct link_status *)one)->note.name,
		      ((const struct link_status *)other)->note.name);
}

bool link_statuses(int root_fd, int control_fd, struct link_status **links_out,
		   size_t *count_out, struct err *err)
{
	struct settings_list names = { 0 };
	struct link_note *notes, note;
	size_t noted;

	*links_out = NULL;
	*count_out = 0;
	if (!link_notes(root_fd, &notes, &noted, err))
		return false;
	if (!smarthost_names(control_fd, "links", &names, err)) {
		free(notes);
		return false;
	}
	*links_out = must_alloc((noted + names.count + 1) * sizeof(**links_out));
	for (size_t i = 0; i < noted; i++)
		read_one(root_fd, control_fd, &notes[i], &(*links_out)[(*count_out)++]);
	for (size_t i = 0; i < names.count; i++) {
		if (is_noted(notes, noted, names.lines[i]))
			continue;
		link_note_read(root_fd, names.lines[i], &note);
		read_one(root_fd, control_fd, &note, &(*links_out)[(*count_out)++]);
	}
	qsort(*links_out, *count_out, sizeof(**links_out), by_name);
	settings_list_clear(&names);
	free(notes);
	return true;
}

void link_statuses_free(struct link_status *links, size_t count)
{
	for (size_t i = 0; i < count; i++)
		linkfile_clear(&links[i].file);
	free(links);
}

const char *link_status_state(const struct link_status *link)
{
	if (link->note.up)
		return "up";
	return link->dialling ? "dialling" : "down";
}

static const char *unit_of(const struct link_budget *budget)
{
	static const char *const words[] = {
		[LINK_BYTES] = "bytes",
		[LINK_SECONDS] = "seconds",
		[LINK_CALLS] = "calls",
	};

	return budget->unit == LINK_MONEY ? budget->currency : words[budget->unit];
}

static json_t *amount_json(const struct link_budget *budget, uint64_t amount)
{
	if (budget->unit == LINK_MONEY)
		return json_real((double)amount / (double)LINK_MONEY_ONE);
	return json_integer((json_int_t)(amount & INT64_MAX));
}

static json_t *budget_json(const struct link_status *link, size_t i)
{
	const struct link_budget *budget = &link->file.budgets[i];
	const struct usage_period *period = &link->usage.periods[budget->period];
	uint64_t used = period->used[budget->unit];

	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "budget",
			 report_text(link->file.budget.lines[i]), "unit",
			 report_text(unit_of(budget)), "period",
			 link_period_word(budget->period), "total",
			 amount_json(budget, budget_total(budget, period)), "used",
			 used == USAGE_UNKNOWN ? json_null() : amount_json(budget, used),
			 "left", amount_json(budget, budget_left(budget, period)), "ends",
			 report_when(period_end(budget->period, period->first_day)));
}

json_t *link_status_json(const struct link_status *link)
{
	const struct allowance *allowance = &link->allowance;
	json_t *budgets = json_array();

	for (size_t i = 0; i < link->file.budget.count; i++)
		json_array_append_new(budgets, budget_json(link, i));
	return json_pack(
		"{s:o, s:s, s:o, s:b, s:o, s:o, s:o, s:o}", "name",
		report_text(link->note.name), "state", link_status_state(link), "since",
		report_when(link->note.since), "open", allowance->open, "why",
		report_words(link->fault[0] ? link->fault : allowance->why), "again",
		report_when(allowance->again), "until",
		report_when(allowance->until == INT64_MAX ? 0 : allowance->until),
		"budgets", budgets);
}

static void print_budget(const struct link_status *link, size_t i, FILE *to)
{
	const struct link_budget *budget = &link->file.budgets[i];
	const struct usage_period *period = &link->usage.periods[budget->period];
	uint64_t used = period->used[budget->unit];
	char had[BUDGET_TEXT_MAX], left[BUDGET_TEXT_MAX], until[CLOCK_TEXT_MAX];

	fprintf(to, "%-*s %s: %s used, %s left until %s\n", INDENT,
		i ? "" : "     budget", link->file.budget.lines[i],
		used == USAGE_UNKNOWN ? "nobody knows how much is"
				      : budget_format(budget, used, had),
		budget_format(budget, budget_left(budget, period), left),
		clock_format_local(period_end(budget->period, period->first_day),
				   clock_wall_s(), until));
}

static void print_calls(const struct link_status *link, FILE *to)
{
	const struct call_note *call = &link->call;
	char when[CLOCK_TEXT_MAX];

	if (!link->file.callwhen.count || link->note.up)
		return;
	if (call->next)
		fprintf(to, "%*s next call %s: %s\n", INDENT, "",
			clock_format_local(call->next, clock_wall_s(), when), call->why);
	else
		fprintf(to, "%*s next call when there is mail for it%s%s\n", INDENT, "",
			call->why[0] ? ": " : "", call->why);
	if (call->failures)
		fprintf(to, "%*s %" PRIu64 " call%s failed: %s\n", INDENT, "",
			call->failures, call->failures == 1 ? "" : "s", call->last_error);
}

void link_status_print(const struct link_status *link, FILE *to)
{
	const struct allowance *allowance = &link->allowance;
	char until[CLOCK_TEXT_MAX];

	if (link->fault[0])
		fprintf(to, "; not used: %s", link->fault);
	else if (!allowance->open)
		fprintf(to, "; %s", allowance->why);
	else if (allowance->until != INT64_MAX)
		fprintf(to, "; open until %s",
			clock_format_local(allowance->until, clock_wall_s(), until));
	fputc('\n', to);
	for (size_t i = 0; i < link->file.budget.count; i++)
		print_budget(link, i, to);
	print_calls(link, to);
}
