#include "qmtp/netstring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
	const char *title;
	const char *bytes;
	enum netstring_got got;
	const char *text;
	const char *rest;
	bool is_cut;
} rows[] = {
	{ "one and what follows", "5:hello,3:", NETSTRING_WHOLE, "hello", "3:", false },
	{ "an empty one", "0:,", NETSTRING_WHOLE, "", "", false },
	{ "what does not fit is taken and told", "12:abcdefghijkl,x", NETSTRING_WHOLE, "",
	  "x", true },
	{ "half a length is awaited", "1", NETSTRING_MORE, "", "", false },
	{ "half a text is awaited", "5:hel", NETSTRING_MORE, "hel", "", false },
	{ "a missing comma is awaited", "5:hello", NETSTRING_MORE, "hello", "", false },
	{ "another byte for the comma is a fault", "5:hello.", NETSTRING_BROKEN, "hello",
	  ".", false },
	{ "no digits are a fault", ":x,", NETSTRING_BROKEN, "", "x,", false },
	{ "a letter is a fault", "a:x,", NETSTRING_BROKEN, "", ":x,", false },
	{ "a sign is a fault", "-1:x,", NETSTRING_BROKEN, "", "1:x,", false },
	{ "a zero in front is a fault", "01:x,", NETSTRING_BROKEN, "", ":x,", false },
	{ "a length beyond all mail is a fault", "9999999999999:", NETSTRING_BROKEN, "",
	  ":", false },
	{ "so are more digits", "00000000000000", NETSTRING_BROKEN, "", "000000000000",
	  false },
};

static void read_it(void **state)
{
	size_t i = (uintptr_t)*state;
	struct netstring_reader reader = { .text = BUF_INIT(10) };
	struct span bytes = span_of(rows[i].bytes);

	assert_int_equal(netstring_read(&reader, &bytes), rows[i].got);
	assert_string_equal(reader.text.data, rows[i].text);
	assert_int_equal(bytes.len, strlen(rows[i].rest));
	assert_int_equal(reader.is_cut, rows[i].is_cut);
	buf_clear(&reader.text);
}

static void pieces_make_no_difference(void **state)
{
	static const char bytes[] = "3:one,0:,10:ten letter,";
	static const char *const texts[] = { "one", "", "ten letter" };
	struct netstring_reader reader = { .text = BUF_INIT(100) };
	size_t found = 0;

	(void)state;
	for (size_t i = 0; bytes[i]; i++) {
		struct span one = { bytes + i, 1 };

		if (netstring_read(&reader, &one) == NETSTRING_WHOLE &&
		    found < LENGTH(texts))
			assert_string_equal(reader.text.data, texts[found++]);
		assert_int_equal(one.len, 0);
	}
	assert_int_equal(found, 3);
	buf_clear(&reader.text);
}

static void what_is_put_has_the_size_told(void **state)
{
	static const size_t lengths[] = { 0, 1, 9, 10, 99, 100, 1234 };
	char text[1234] = { 0 };

	(void)state;
	for (size_t i = 0; i < LENGTH(lengths); i++) {
		AUTO_BUF out = BUF_INIT(2000);

		assert_true(netstring_put(&out, (struct span){ text, lengths[i] }));
		assert_int_equal(out.len, netstring_size(lengths[i]));
	}
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 2];

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = read_it,
						.initial_state = (void *)i };
	tests[LENGTH(rows)] =
		(struct CMUnitTest)cmocka_unit_test(pieces_make_no_difference);
	tests[LENGTH(rows) + 1] =
		(struct CMUnitTest)cmocka_unit_test(what_is_put_has_the_size_told);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
