#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "mime/fold.h"

/* In lines "#" stands for 500 letters x, "~" for 495; "|" is where it is folded. */
static const struct {
	const char *title;
	const char *line;
	const char *folded;
} rows[] = {
	{ "a short line stays", "X-A: b  c ", "X-A: b  c " },
	{ "998 octets stay", "A:~ #", "A:~ #" },
	{ "999 octets do not", "A:~ b#", "A:~| b#" },
	{ "a long line is folded at its last blank that fits", "A: b# c #",
	  "A: b# c| #" },
	{ "and again", "A: # #, # #", "A: #| #,| #| #" },
	{ "a line without a blank stays", "A:####", "A:####" },
	{ "a blank far behind helps the rest", "A:### b# #", "A:###| b#| #" },
	{ "no line is made of blanks", "A: #   \t #", "A: #   \t| #" },
	{ "blanks in front are no place", "\t  ##", "\t  ##" },
	{ "blanks behind are no place", "A:##   ", "A:##   " },
	{ "a blank in front of the colon is no place", "A :##", "A :##" },
};

static void expand(const char *text, struct buf *out)
{
	for (; *text; text++) {
		size_t times = *text == '#' ? 500 : *text == '~' ? 495 : 1;
		char byte = *text;

		if (times > 1)
			byte = 'x';
		else if (byte == '|')
			byte = '\n';
		while (times--)
			assert_true(buf_append_byte(out, byte));
	}
}

static void fold(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	AUTO_BUF text = BUF_INIT(10000);
	AUTO_BUF folded = BUF_INIT(10000);
	AUTO_BUF out = BUF_INIT(10000);
	struct line_splitter splitter = { .len = 0 };
	struct folder folder = { .len = 0 };
	struct span rest;
	struct text_line line;

	expand(rows[row].line, &text);
	assert_true(buf_append_byte(&text, '\n'));
	expand(rows[row].folded, &folded);
	assert_true(buf_append_byte(&folded, '\n'));
	rest = buf_span(&text);
	while (line_next(&splitter, &rest, &line))
		assert_true(folder_line(&folder, &line, &out));
	assert_string_equal(out.data, folded.data);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = fold;
		tests[i].initial_state = (void *)(uintptr_t)i;
	}
	return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
