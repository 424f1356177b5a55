#include "base/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/attr.h"

static void trimming_takes_blanks_off_both_ends_only(void **state)
{
	static const struct {
		const char *text, *trimmed;
	} rows[] = {
		{ "", "" },           { " \t\r\n ", "" }, { "a", "a" },
		{ "  a b\t", "a b" }, { "a\r\n", "a" },   { "\na", "a" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		assert_true(span_is(span_trim(span_of(rows[i].text)), rows[i].trimmed));
	assert_int_equal(span_trim((struct span){ "\0", 1 }).len, 1);
}

static void cutting_gives_every_piece_once(void **state)
{
	static const struct {
		const char *text, *pieces;
	} rows[] = {
		{ "", "[]" },
		{ "a", "[a]" },
		{ "a:b", "[a][b]" },
		{ ":", "[][]" },
		{ "a::b:", "[a][][b][]" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct span rest = span_of(rows[i].text), piece;
		char seen[64] = "";

		while (span_cut(&rest, ':', &piece)) {
			size_t used = strlen(seen);

			snprintf(seen + used, sizeof(seen) - used, "[%.*s]",
				 SPAN_ARG(piece));
		}
		assert_string_equal(seen, rows[i].pieces);
	}
}

static void skipping_stops_at_the_end(void **state)
{
	(void)state;
	assert_true(span_is(span_after(span_of("abc"), 2), "c"));
	assert_int_equal(span_after(span_of("abc"), 9).len, 0);
}

static void words_are_compared_without_case_and_whole(void **state)
{
	(void)state;
	assert_true(span_is_word(span_of("EhLo"), "ehlo"));
	assert_false(span_is_word(span_of("ehlo1"), "ehlo"));
	assert_false(span_is_word(span_of("ehl"), "ehlo"));
	assert_false(span_is(span_of("EHLO"), "ehlo"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trimming_takes_blanks_off_both_ends_only),
		cmocka_unit_test(cutting_gives_every_piece_once),
		cmocka_unit_test(skipping_stops_at_the_end),
		cmocka_unit_test(words_are_compared_without_case_and_whole),
	};

	return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}
