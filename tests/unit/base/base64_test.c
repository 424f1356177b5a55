/* The examples of RFC 4648 10, and what is no Base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/base64.h"

static const struct {
	const char *bytes, *text;
} pairs[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\377\376\375", "//79" },
};

static void both_ways_are_one_anothers_inverse(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(pairs); i++) {
		AUTO_BUF text = BUF_INIT(100), bytes = BUF_INIT(100);

		assert_true(base64_encode(span_of(pairs[i].bytes), &text));
		assert_string_equal(text.data, pairs[i].text);
		assert_true(base64_decode(buf_span(&text), &bytes));
		assert_string_equal(bytes.data, pairs[i].bytes);
	}
}

static void what_is_none_is_not_decoded(void **state)
{
	static const char *const texts[] = { "Zg=",      "Z===",  "Zh==",
					     "Zg==Zg==", "Zm 9v", "Zm9-" };

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		AUTO_BUF bytes = BUF_INIT(100);

		assert_false(base64_decode(span_of(texts[i]), &bytes));
	}
}

static void the_ceiling_holds(void **state)
{
	AUTO_BUF text = BUF_INIT(7);

	(void)state;
	assert_false(base64_encode(span_of("foob"), &text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_are_one_anothers_inverse),
		cmocka_unit_test(what_is_none_is_not_decoded),
		cmocka_unit_test(the_ceiling_holds),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
