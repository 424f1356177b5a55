#include "titles.h"

#include <string.h>

#include "control/link_terms.h"

#define ALL     0x7f
#define MON_FRI 0x3e
#define WEEKEND 0x41

static const struct {
	const char *title;
	const char *line;
	const char *fault; /* part of it; NULL: fine */
	struct link_window window;
} windows[] = {
	{ "a window opens daily", "daily 02:00-02:20", NULL, { ALL, 120, 140 } },
	{ "times alone are daily", "2:00-02:20", NULL, { ALL, 120, 140 } },
	{ "days have a first and a last",
	  "mon-fri 18:00-08:00",
	  NULL,
	  { MON_FRI, 1080, 480 } },
	{ "days alone are whole", "sat,sun", NULL, { WEEKEND, 0, 1440 } },
	{ "blanks and capitals are fine",
	  "Sat, Sun  9:30-24:00",
	  NULL,
	  { WEEKEND, 570, 1440 } },
	{ "days go over the week's end", "saturday-sun", NULL, { WEEKEND, 0, 1440 } },
	{ "an unknown day is told",
	  "mon-fry 02:00-03:00",
	  "\"mon-fry\" is no day",
	  { 0 } },
	{ "an hour that no clock has is told", "daily 24:00-25:00", "is no time", { 0 } },
	{ "minutes have two digits", "daily 2-3:00", "is no time", { 0 } },
	{ "a window has a length", "daily 02:00-02:00", "has no length", { 0 } },
	{ "one line is one window",
	  "daily 01:00-02:00 03:00-04:00",
	  "give it its own",
	  { 0 } },
	{ "a word too much is told",
	  "daily 01:00-02:00 cheap",
	  "give it its own",
	  { 0 } },
	{ "no day at all is told", ",", "says nothing", { 0 } },
};

static void window(void **state)
{
	size_t i = (uintptr_t)*state;
	struct link_window read;
	struct err err = { 0 };
	bool fine = link_window_parse(span_of(windows[i].line), &read, &err);

	if (windows[i].fault) {
		assert_false(fine);
		assert_non_null(strstr(err.text, windows[i].fault));
		assert_int_equal(err.exit_code, EX_CONFIG);
		return;
	}
	assert_true(fine);
	assert_int_equal(read.days, windows[i].window.days);
	assert_int_equal(read.from, windows[i].window.from);
	assert_int_equal(read.to, windows[i].window.to);
}

static const struct {
	const char *title;
	const char *line;
	const char *fault;
	struct link_budget budget;
} budgets[] = {
	{ "a budget of bytes",
	  "20m per month",
	  NULL,
	  { LINK_BYTES, LINK_MONTH, 1, 20 << 20, false, "" } },
	{ "of bytes in words",
	  "500 kb per day",
	  NULL,
	  { LINK_BYTES, LINK_DAY, 1, 500 << 10, false, "" } },
	{ "of bytes in one word",
	  "20MB per week",
	  NULL,
	  { LINK_BYTES, LINK_WEEK, 1, 20 << 20, false, "" } },
	{ "of minutes",
	  "90 minutes per week",
	  NULL,
	  { LINK_SECONDS, LINK_WEEK, 1, 5400, false, "" } },
	{ "of money",
	  "5.00 EUR per day",
	  NULL,
	  { LINK_MONEY, LINK_DAY, 1, 5 * LINK_MONEY_ONE, false, "EUR" } },
	{ "of calls", "1 call per day", NULL, { LINK_CALLS, LINK_DAY, 1, 1, false, "" } },
	{ "what is left may be carried",
	  "2 hours per month carried",
	  NULL,
	  { LINK_SECONDS, LINK_MONTH, 1, 7200, true, "" } },
	{ "a month may begin on the bill's day",
	  "1g per month from 15 carried",
	  NULL,
	  { LINK_BYTES, LINK_MONTH, 15, 1 << 30, true, "" } },
	{ "a period is needed", "20m", "stands where \"per\" should", { 0 } },
	{ "a known one", "20m per year", "\"year\" is no period", { 0 } },
	{ "a bare number says nothing", "20 per day", "\"20 per\" is no amount", { 0 } },
	{ "m is not minutes", "20 m per day", "is no amount", { 0 } },
	{ "a comma is no point", "5,00 EUR per day", "is no amount", { 0 } },
	{ "nothing is no budget", "0 minutes per day", "allows nothing", { 0 } },
	{ "only months begin late",
	  "20m per week from 3",
	  "\"from\" is not understood",
	  { 0 } },
	{ "on a day that all months have",
	  "20m per month from 31",
	  "no day from 1 to 28",
	  { 0 } },
	{ "too much is told", "99999999999999999999g per day", "is", { 0 } },
};

static void budget(void **state)
{
	size_t i = (uintptr_t)*state;
	const struct link_budget *wanted = &budgets[i].budget;
	struct link_budget read;
	struct err err = { 0 };
	bool fine = link_budget_parse(span_of(budgets[i].line), &read, &err);

	if (budgets[i].fault) {
		assert_false(fine);
		assert_non_null(strstr(err.text, budgets[i].fault));
		return;
	}
	assert_true(fine);
	assert_int_equal(read.unit, wanted->unit);
	assert_int_equal(read.period, wanted->period);
	assert_int_equal(read.month_day, wanted->month_day);
	assert_int_equal(read.amount, wanted->amount);
	assert_int_equal(read.carried, wanted->carried);
	assert_string_equal(read.currency, wanted->currency);
}

static const struct {
	const char *title;
	const char *line;
	const char *fault;
	struct link_cost cost;
} costs[] = {
	{ "a price of bytes",
	  "0.50 EUR per mb",
	  NULL,
	  { "EUR", 0, LINK_MONEY_ONE / 2, 1 << 20, 0, 0 } },
	{ "of time",
	  "0.05 EUR per minute",
	  NULL,
	  { "EUR", 0, 0, 0, LINK_MONEY_ONE / 20, 60 } },
	{ "of parts of time",
	  "1.20 $ per 20 seconds",
	  NULL,
	  { "$", 0, 0, 0, LINK_MONEY_ONE / 5 * 6, 20 } },
	{ "several at once",
	  "2 Rp per kb, 300 Rp per call",
	  NULL,
	  { "Rp", 300 * LINK_MONEY_ONE, 2 * LINK_MONEY_ONE, 1 << 10, 0, 0 } },
	{ .title = "a price without a currency is told",
	  .line = "0.50 per mb",
	  .fault = "names no currency" },
	{ .title = "or without a number",
	  .line = "EUR per mb",
	  .fault = "begins with no price" },
	{ .title = "or per nothing", .line = "0.50 EUR", .fault = "says not per what" },
	{ .title = "or per something else",
	  .line = "0.50 EUR per mail",
	  .fault = "is not per bytes" },
	{ .title = "two currencies are told",
	  .line = "1 EUR per mb, 1 USD per call",
	  .fault = "another currency" },
	{ .title = "two prices for the same too",
	  .line = "1 EUR per mb, 2 EUR per kb",
	  .fault = "second price" },
	{ .title = "a call is one call",
	  .line = "1 EUR per 2 calls",
	  .fault = "second price" },
};

static void cost(void **state)
{
	size_t i = (uintptr_t)*state;
	struct link_cost read = { .per_call = 0 };
	struct err err = { 0 };
	bool fine = link_cost_parse(span_of(costs[i].line), &read, &err);

	if (costs[i].fault) {
		assert_false(fine);
		assert_non_null(strstr(err.text, costs[i].fault));
		return;
	}
	assert_true(fine);
	assert_memory_equal(&read, &costs[i].cost, sizeof(read));
}

int main(void)
{
	for (size_t i = 0; i < LENGTH(windows); i++)
		add(windows[i].title, window, i);
	for (size_t i = 0; i < LENGTH(budgets); i++)
		add(budgets[i].title, budget, i);
	for (size_t i = 0; i < LENGTH(costs); i++)
		add(costs[i].title, cost, i);
	return _cmocka_run_group_tests("link terms", tests, count, NULL, NULL);
}
