#include <stdio.h>

#include "base/number.h"
#include "control/link_amount.h"
#include "control/words.h"

/* So that what it comes to cannot run over. */
#define PRICE_MAX (LINK_MONEY_ONE * 10000000)

static bool wrong(struct err *err, struct span what, const char *fault)
{
	return err_exit(
		err, EX_CONFIG,
		"cost: \"%.*s\" %s; write PRICE per mb, minute or call, as \"0.50 "
		"EUR per mb, 0.20 EUR per call\"",
		what.len > 60 ? 60 : (int)what.len, what.at, fault);
}

struct part {
	uint64_t price;
	char currency[LINK_CURRENCY_MAX];
	enum link_unit unit;
	uint64_t amount; /* that the price is for */
};

/* "0.50 EUR per mb", "1.20 USD per 20 seconds" */
static bool parse_part(struct span text, struct part *part, struct err *err)
{
	struct span rest = text, word;
	uint64_t number = 1;

	if (!words_next(&rest, &word) || !link_money_parse(word, &part->price) ||
	    part->price > PRICE_MAX)
		return wrong(err, text, "begins with no price");
	if (!words_next(&rest, &word) || !link_currency_take(word, part->currency))
		return wrong(err, text, "names no currency");
	if (!words_next(&rest, &word) || !span_is_word(word, "per") ||
	    !words_next(&rest, &word))
		return wrong(err, text, "says not per what");
	if (number_parse(word, UINT32_MAX, &number) &&
	    (!number || !words_next(&rest, &word)))
		return wrong(err, text, "says not per how much of what");
	if (!link_unit_find(word, &part->unit, &part->amount) || words_next(&rest, &word))
		return wrong(err, text, "is not per bytes, time or calls");
	part->amount *= number;
	return true;
}

static bool add(const struct part *part, struct span text, struct link_cost *cost,
		struct err *err)
{
	bool again;

	if (cost->currency[0] && strcmp(cost->currency, part->currency) != 0)
		return wrong(err, text, "is in another currency than the rest");
	memcpy(cost->currency, part->currency, sizeof(cost->currency));
	if (part->unit == LINK_BYTES) {
		again = cost->bytes != 0;
		cost->per_bytes = part->price;
		cost->bytes = part->amount;
	} else if (part->unit == LINK_SECONDS) {
		again = cost->seconds != 0;
		cost->per_time = part->price;
		cost->seconds = part->amount;
	} else {
		again = cost->per_call != 0 || part->amount != 1;
		cost->per_call = part->price;
	}
	return !again ||
	       wrong(err, text, "is a second price for the same; keep one of them");
}

bool link_cost_parse(struct span line, struct link_cost *cost, struct err *err)
{
	struct span rest = line, text;

	while (span_cut(&rest, ',', &text)) {
		struct part part = { .price = 0 };

		text = span_trim(text);
		if (!parse_part(text, &part, err) || !add(&part, text, cost, err))
			return false;
	}
	return true;
}
