#include <stdio.h>

#include "base/number.h"
#include "control/link_amount.h"
#include "control/words.h"

#define MONTH_DAY_MAX 28 /* every month has it */

static const char *const period_words[] = {
	[LINK_DAY] = "day",
	[LINK_WEEK] = "week",
	[LINK_MONTH] = "month",
};

const char *link_period_word(enum link_period period)
{
	return period_words[period];
}

static bool wrong(struct err *err, struct span what, const char *fault)
{
	return err_exit(
		err, EX_CONFIG,
		"budget: \"%.*s\" %s; write AMOUNT per day, week or month, as "
		"\"20m per month\", \"90 minutes per week\" or \"5.00 EUR per day\"",
		what.len > 60 ? 60 : (int)what.len, what.at, fault);
}

/* "20m", "20mb": bytes, in one word. */
static bool take_bytes(struct span word, uint64_t *bytes_out)
{
	if (word.len > 2 &&
	    (word.at[word.len - 1] == 'b' || word.at[word.len - 1] == 'B'))
		word.len--;
	return word.len && strchr("kmgKMG", word.at[word.len - 1]) &&
	       number_parse_bytes(word, INT64_MAX, bytes_out);
}

/* "90 minutes", "20 mb", "12 calls", "5.00 EUR". */
static bool take_unit(struct span number, struct span word, struct link_budget *budget)
{
	uint64_t times;

	if (link_unit_find(word, &budget->unit, &times)) {
		if (!number_parse(number, (uint64_t)INT64_MAX / times, &budget->amount))
			return false;
		budget->amount *= times;
		return true;
	}
	budget->unit = LINK_MONEY;
	return link_currency_take(word, budget->currency) &&
	       link_money_parse(number, &budget->amount);
}

static bool take_amount(struct span *rest, struct link_budget *budget, struct err *err)
{
	struct span number, word;

	if (!words_next(rest, &number))
		return wrong(err, *rest, "says nothing");
	if (take_bytes(number, &budget->amount)) {
		budget->unit = LINK_BYTES;
		return true;
	}
	if (!words_next(rest, &word))
		return wrong(err, number, "says not of what");
	if (take_unit(number, word, budget))
		return true;
	return wrong(err,
		     (struct span){ number.at, (size_t)(word.at - number.at) + word.len },
		     "is no amount");
}

static bool take_period(struct span *rest, struct link_budget *budget, struct err *err)
{
	struct span word;

	if (!words_next(rest, &word) || !span_is_word(word, "per"))
		return wrong(err, word, "stands where \"per\" should");
	if (!words_next(rest, &word))
		return wrong(err, *rest, "names no period");
	for (unsigned i = 0; i < LINK_PERIODS; i++) {
		if (!span_is_word(word, period_words[i]))
			continue;
		budget->period = (enum link_period)i;
		return true;
	}
	return wrong(err, word, "is no period");
}

static bool take_rest(struct span *rest, struct link_budget *budget, struct err *err)
{
	struct span word;
	uint64_t day;

	while (words_next(rest, &word)) {
		if (span_is_word(word, "carried") && !budget->carried) {
			budget->carried = true;
			continue;
		}
		if (!span_is_word(word, "from") || budget->period != LINK_MONTH)
			return wrong(err, word,
				     "is not understood here: behind the period only "
				     "\"carried\", or \"from\" and the day on which a "
				     "month begins");
		if (!words_next(rest, &word) ||
		    !number_parse(word, MONTH_DAY_MAX, &day) || !day)
			return wrong(err, word, "is no day from 1 to 28");
		budget->month_day = (unsigned)day;
	}
	return true;
}

bool link_budget_parse(struct span line, struct link_budget *budget_out, struct err *err)
{
	struct span rest = line;

	*budget_out = (struct link_budget){ .month_day = 1 };
	if (!take_amount(&rest, budget_out, err) ||
	    !take_period(&rest, budget_out, err) || !take_rest(&rest, budget_out, err))
		return false;
	if (budget_out->amount)
		return true;
	return wrong(err, line, "allows nothing");
}
