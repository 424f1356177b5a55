#include "base/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NONE UINT64_C(987654321) /* what stood there before a refusal */

typedef bool parser(struct span text, uint64_t max, uint64_t *out);

static const struct {
	parser *parse;
	const char *text;
	uint64_t max;
	uint64_t value; /* NONE: refused */
} rows[] = {
	{ number_parse, "0", 10, 0 },
	{ number_parse, "10", 10, 10 },
	{ number_parse, "0010", 10, 10 },
	{ number_parse, "11", 10, NONE },
	{ number_parse, "", 10, NONE },
	{ number_parse, "-1", 10, NONE },
	{ number_parse, "+1", 10, NONE },
	{ number_parse, " 1", 10, NONE },
	{ number_parse, "1 ", 10, NONE },
	{ number_parse, "1x", 10, NONE },
	{ number_parse, "0x1", 10, NONE },
	{ number_parse, "18446744073709551615", UINT64_MAX, UINT64_MAX },
	{ number_parse, "18446744073709551616", UINT64_MAX, NONE },
	{ number_parse, "99999999999999999999999999", UINT64_MAX, NONE },
	{ number_parse, "\xd9\xa3", 10, NONE }, /* a digit, but not ASCII's */
	{ number_parse_bytes, "812", 10000, 812 },
	{ number_parse_bytes, "1k", 10000, 1024 },
	{ number_parse_bytes, "10M", UINT64_MAX, 10485760 },
	{ number_parse_bytes, "2g", UINT64_MAX, UINT64_C(2147483648) },
	{ number_parse_bytes, "10k", 10000, NONE },
	{ number_parse_bytes, "k", 10000, NONE },
	{ number_parse_bytes, "1kk", UINT64_MAX, NONE },
	{ number_parse_bytes, "1t", UINT64_MAX, NONE },
	{ number_parse_bytes, "18446744073709551615g", UINT64_MAX, NONE },
	{ number_parse_seconds, "90", 1000, 90 },
	{ number_parse_seconds, "90s", 1000, 90 },
	{ number_parse_seconds, "2m", 1000, 120 },
	{ number_parse_seconds, "1h", 10000, 3600 },
	{ number_parse_seconds, "5d", UINT64_MAX, 432000 },
	{ number_parse_seconds, "1w", UINT64_MAX, 604800 },
	{ number_parse_seconds, "1y", UINT64_MAX, NONE },
};

static void numbers_are_taken_whole_or_not_at_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		uint64_t value = NONE;
		bool good = rows[i].parse(span_of(rows[i].text), rows[i].max, &value);

		if (value != rows[i].value || good != (rows[i].value != NONE))
			fail_msg("\"%s\"", rows[i].text);
	}
}

static void sizes_are_written_for_people(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0 KiB" },
		{ 4200, "4.1 KiB" },
		{ 2097152, "2.0 MiB" },
		{ UINT64_C(26843545600), "25.0 GiB" },
		{ UINT64_MAX, "16777216.0 TiB" },
	};
	char text[NUMBER_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < LENGTH(sizes); i++)
		assert_string_equal(number_format_bytes(sizes[i].bytes, text),
				    sizes[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_taken_whole_or_not_at_all),
		cmocka_unit_test(sizes_are_written_for_people),
	};

	return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
