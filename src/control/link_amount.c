#include "control/link_amount.h"

#include <ctype.h>
#include <stdio.h>

#include "base/number.h"

#define DECIMALS 9

static const struct unit {
	const char *word;
	enum link_unit unit;
	uint64_t times;
} units[] = {
	{ "byte", LINK_BYTES, 1 },
	{ "bytes", LINK_BYTES, 1 },
	{ "kb", LINK_BYTES, UINT64_C(1) << 10 },
	{ "mb", LINK_BYTES, UINT64_C(1) << 20 },
	{ "gb", LINK_BYTES, UINT64_C(1) << 30 },
	{ "second", LINK_SECONDS, 1 },
	{ "seconds", LINK_SECONDS, 1 },
	{ "minute", LINK_SECONDS, 60 },
	{ "minutes", LINK_SECONDS, 60 },
	{ "hour", LINK_SECONDS, 3600 },
	{ "hours", LINK_SECONDS, 3600 },
	{ "call", LINK_CALLS, 1 },
	{ "calls", LINK_CALLS, 1 },
};

bool link_unit_find(struct span word, enum link_unit *unit_out, uint64_t *times_out)
{
	for (size_t i = 0; i < LENGTH(units); i++) {
		if (!span_is_word(word, units[i].word))
			continue;
		*unit_out = units[i].unit;
		*times_out = units[i].times;
		return true;
	}
	return false;
}

bool link_money_parse(struct span text, uint64_t *money_out)
{
	struct span whole, part = text;
	uint64_t ones, decimals = 0;

	if (!span_cut(&part, '.', &whole) ||
	    !number_parse(whole, LINK_MONEY_MAX / LINK_MONEY_ONE, &ones))
		return false;
	if (part.at) {
		if (part.len > DECIMALS || !number_parse(part, UINT64_MAX, &decimals))
			return false;
		for (size_t i = part.len; i < DECIMALS; i++)
			decimals *= 10;
	}
	if (ones * LINK_MONEY_ONE + decimals > LINK_MONEY_MAX)
		return false;
	*money_out = ones * LINK_MONEY_ONE + decimals;
	return true;
}

bool link_currency_take(struct span word, char currency_out[LINK_CURRENCY_MAX])
{
	static const char *const taken[] = { "per", "from", "carried", "k", "m", "g" };
	enum link_unit ignored;
	uint64_t times;

	if (!word.len || word.len >= LINK_CURRENCY_MAX ||
	    link_unit_find(word, &ignored, &times))
		return false;
	for (size_t i = 0; i < LENGTH(taken); i++)
		if (span_is_word(word, taken[i]))
			return false;
	for (size_t i = 0; i < word.len; i++) {
		unsigned char byte = (unsigned char)word.at[i];

		if (byte < 128 && !isalpha(byte) && byte != '$')
			return false;
	}
	snprintf(currency_out, LINK_CURRENCY_MAX, "%.*s", SPAN_ARG(word));
	return true;
}
