#include "titles.h"

#include <string.h>

#include "control/linkfile.h"

#define TOLD_MAX 4

static const struct {
	const char *title;
	const char *text;
	const char *faults[TOLD_MAX];
} rows[] = {
	{ "a link may have windows, budgets and a price",
	  "window daily 02:00-02:20\nwindow sat\nbudget 20m per month from 15 carried\n"
	  "budget 2 hours per day\nbudget 5.00 EUR per month from 15\ncost 0.50 EUR per mb\n"
	  "cost 0.20 EUR per call\npriority urgent\n",
	  { NULL } },
	{ "every wrong line is told with its number",
	  "window dayly\ncolour red\nbudget much\ncost 1 EUR per mail\n",
	  { "control/links/ppp:2: unknown key \"colour\"",
	    "control/links/ppp:1: window: \"dayly\" is no day",
	    "control/links/ppp:4: cost: ",
	    "control/links/ppp:3: budget: \"much\" says not of what" } },
	{ "money without a price is told",
	  "budget 5.00 EUR per day\n",
	  { "control/links/ppp:1: budget: what the link costs is not known" } },
	{ "and money of another kind",
	  "cost 1 USD per mb\nbudget 5.00 EUR per day\n",
	  { "control/links/ppp:2: budget: the link costs USD, and this is EUR" } },
	{ "of two budgets of a kind one is kept",
	  "budget 1m per day\nbudget 90 minutes per day\nbudget 2m per day\n",
	  { "control/links/ppp:3: budget: a second one of this kind per day" } },
	{ "a month begins on one day",
	  "budget 1m per month from 15\nbudget 1 call per month\n",
	  { "control/links/ppp:2: budget: this month begins on another day than that of "
	    "line 1" } },
	{ "a priority is one of three words",
	  "priority low\n",
	  { "control/links/ppp:1: priority may not be \"low\"; write one of: normal high "
	    "urgent" } },
};

struct told {
	size_t row;
	size_t count;
};

static void hear(void *ctx, const struct err *err)
{
	struct told *told = ctx;
	const char *wanted;

	assert_true(told->count < TOLD_MAX);
	wanted = rows[told->row].faults[told->count++];
	assert_non_null(wanted);
	if (strncmp(err->text, wanted, strlen(wanted)) != 0)
		fail_msg("%s", err->text);
	assert_int_equal(err->exit_code, EX_CONFIG);
}

static void row(void **state)
{
	struct told told = { .row = (uintptr_t)*state };
	struct err err = { 0 };
	struct linkfile link;
	size_t wanted = 0;

	while (wanted < TOLD_MAX && rows[told.row].faults[wanted])
		wanted++;
	folder_write("links/ppp", rows[told.row].text);
	linkfile_check(folder_fd, "ppp", hear, &told);
	assert_int_equal(told.count, wanted);
	assert_int_equal(linkfile_load(folder_fd, "ppp", &link, NULL, &err), !wanted);
	if (wanted) {
		assert_memory_equal(err.text, rows[told.row].faults[0],
				    strlen(rows[told.row].faults[0]));
		return;
	}
	assert_int_equal(link.month_day, 15);
	assert_int_equal(link.budgets[1].amount, 7200);
	assert_int_equal(link.price.per_call, LINK_MONEY_ONE / 5);
	assert_int_equal(link.priority, PRIORITY_URGENT);
	linkfile_clear(&link);
}

static void interface_of_a_wrong_file(void **state)
{
	char interface[LINKFILE_INTERFACE_MAX];

	(void)state;
	folder_write("links/ppp", "window dayly\ninterface ppp0\nbudget much\n");
	assert_true(linkfile_interface(folder_fd, "ppp", interface));
	assert_string_equal(interface, "ppp0");
	folder_write("links/ppp", "window sat\n");
	assert_true(linkfile_interface(folder_fd, "ppp", interface));
	assert_string_equal(interface, "");
	assert_false(linkfile_interface(folder_fd, "other", interface));
	assert_string_equal(interface, "");
}

int main(void)
{
	add("a file with wrong lines still says which interface is its own",
	    interface_of_a_wrong_file, 0);
	for (size_t i = 0; i < LENGTH(rows); i++)
		add(rows[i].title, row, i);
	return _cmocka_run_group_tests("linkfile", tests, count, folder_make,
				       folder_remove);
}
