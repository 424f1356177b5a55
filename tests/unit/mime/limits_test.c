#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "mime/limits.h"

static const struct {
	const char *title;
	size_t before; /* bytes of short lines in front */
	size_t len;    /* of the line */
	const char *behind;
	bool long_line;
} rows[] = {
	{ "an empty message", 0, 0, "", false },
	{ "998 octets and CRLF are a line", 0, 998, "\r\n", false },
	{ "999 octets are none", 0, 999, "\r\n", true },
	{ "998 octets behind others", 4000, 998, "\r\nnext\r\n", false },
	{ "999 octets behind others", 4000, 999, "\r\nnext\r\n", true },
	{ "a long line far from its end", 10, 100000, "\r\n", true },
};

/* Whatever the pieces. */
static void lines(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	static char text[110000];
	size_t len = rows[row].before + rows[row].len, behind = strlen(rows[row].behind);

	memset(text, 'x', len);
	for (size_t i = 0; i < rows[row].before; i++)
		text[i] = "12345678\r\n"[i % 10];
	memcpy(text + len, rows[row].behind, behind);
	len += behind;
	for (size_t piece = 1; piece < 3000; piece += piece < 10 ? 1 : 331) {
		struct limits_check check = { 0 };

		for (size_t at = 0; at < len; at += piece)
			limits_check_take(&check,
					  (struct span){ text + at, len - at < piece
									    ? len - at
									    : piece });
		assert_int_equal(check.long_line, rows[row].long_line);
		assert_false(check.eight_bit);
	}
}

static void a_byte_above_127_is_seen(void **state)
{
	struct limits_check check = { 0 };

	(void)state;
	limits_check_take(&check, span_of("plain\r\n"));
	assert_false(check.eight_bit);
	limits_check_take(&check, span_of("na\xC3\xAFve\r\n"));
	limits_check_take(&check, span_of("plain\r\n"));
	assert_true(check.eight_bit);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = {
		cmocka_unit_test(a_byte_above_127_is_seen),
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i + 1].name = rows[i].title;
		tests[i + 1].test_func = lines;
		tests[i + 1].initial_state = (void *)(uintptr_t)i;
	}
	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
