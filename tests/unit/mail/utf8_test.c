#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "mail/utf8.h"

static const struct {
	const char *title;
	const char *bytes;
	bool good;
} rows[] = {
	{ "nothing is UTF-8", "", true },
	{ "ASCII is, control characters included", "a\r\n\x1B\x7F", true },
	{ "two, three and four bytes", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z", true },
	{ "the last character of all", "\xF4\x8F\xBF\xBF", true },
	{ "behind the last character", "\xF4\x90\x80\x80", false },
	{ "Latin-1", "na\xEFve", false },
	{ "a character that is cut off", "\xE2\x82", false },
	{ "a character that another one interrupts", "\xE2\x82\xC3\xA4", false },
	{ "a byte that begins none", "\x80", false },
	{ "an overlong form of two bytes", "\xC0\xAF", false },
	{ "an overlong form of three bytes", "\xE0\x80\xAF", false },
	{ "an overlong form of four bytes", "\xF0\x80\x80\xAF", false },
	{ "a surrogate", "\xED\xA0\x80", false },
	{ "five bytes", "\xF8\x88\x80\x80\x80", false },
};

static bool take_all(struct span bytes)
{
	uint32_t code;
	size_t len = 1;

	for (; bytes.len && len; bytes = span_after(bytes, len))
		len = utf8_take(bytes, &code);
	return len != 0;
}

/* Whole and in pieces of one byte. */
static void check(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct span bytes = span_of(rows[row].bytes);
	struct utf8_check whole = { 0 }, pieces = { 0 };

	assert_int_equal(take_all(bytes), rows[row].good);
	utf8_check_take(&whole, bytes);
	assert_int_equal(utf8_check_is_good(&whole), rows[row].good);
	for (size_t i = 0; i < bytes.len; i++)
		utf8_check_take(&pieces, (struct span){ bytes.at + i, 1 });
	assert_int_equal(utf8_check_is_good(&pieces), rows[row].good);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = check;
		tests[i].initial_state = (void *)(uintptr_t)i;
	}
	return cmocka_run_group_tests_name("UTF-8", tests, NULL, NULL);
}
