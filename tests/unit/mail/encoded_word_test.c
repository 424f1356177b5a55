#include "mail/encoded_word.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	const char *title;
	const char *text;
	const char *decoded;
} rows[] = {
	{ "plain words stay", "Re: the plans = ? =? ?=", "Re: the plans = ? =? ?=" },
	{ "quoted letters", "=?UTF-8?Q?R=C3=B6ntgen_4=5F?= today",
	  "R\xc3\xb6ntgen 4_ today" },
	{ "base64", "=?utf-8?B?w6TDtsO8?=", "\xc3\xa4\xc3\xb6\xc3\xbc" },
	{ "between two words there is no blank, beside others there is",
	  "a =?utf-8?q?b?= \t =?utf-8?q?c?= d", "a bc d" },
	{ "a letter may be cut in two by them",
	  "=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "\xc3\xa4" },
	{ "Latin-1", "=?iso-8859-1*de?q?=E4?=", "\xc3\xa4" },
	{ "Latin-9 has the euro", "=?ISO-8859-15?q?5_=A4?=", "5 \xe2\x82\xac" },
	{ "Windows has quotes",
	  "=?windows-1252?q?=93x=94=81?=", "\xe2\x80\x9cx\xe2\x80\x9d?" },
	{ "an unknown alphabet stays as it is", "=?koi8-r?q?=C1?=", "=?koi8-r?q?=C1?=" },
	{ "so does what is broken", "=?utf-8?q?=C?= =?utf-8?x?a?= =?utf-8?b?!?=",
	  "=?utf-8?q?=C?= =?utf-8?x?a?= =?utf-8?b?!?=" },
	{ "and what never ends", "=?utf-8?q?abc", "=?utf-8?q?abc" },
	{ "an empty word is nothing",
	  "a=?utf-8?q?"
	  "?=b",
	  "ab" },
};

static void each_row_holds(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		AUTO_BUF out = BUF_INIT(1000);

		if (!encoded_words_decode(span_of(rows[i].text), &out) ||
		    !span_is(buf_span(&out), rows[i].decoded))
			fail_msg("%s: \"%s\"", rows[i].title, out.data);
	}
}

static void a_full_buffer_is_told(void **state)
{
	AUTO_BUF out = BUF_INIT(3);

	(void)state;
	assert_false(encoded_words_decode(span_of("=?utf-8?q?abcd?="), &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_holds),
		cmocka_unit_test(a_full_buffer_is_told),
	};

	return cmocka_run_group_tests_name("encoded_word", tests, NULL, NULL);
}
