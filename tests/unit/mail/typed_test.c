#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/typed.h"

#define BYTES(text)                      \
	{                                \
		(text), sizeof(text) - 1 \
	}

static const struct {
	const char *title;
	bool dot_ends;
	struct span typed;
	struct span stored;
} rows[] = {
	{ "LF stays", true, BYTES("a\nb\n"), BYTES("a\nb\n") },
	{ "CR LF becomes LF", true, BYTES("a\r\n\r\nb"), BYTES("a\n\nb") },
	{ "a lone dot ends", true, BYTES("a\n.\nb\n"), BYTES("a\n") },
	{ "a lone dot with CR LF ends", true, BYTES("a\r\n.\r\nb\n"), BYTES("a\n") },
	{ "a lone dot is text where dots do not end", false, BYTES("a\n.\nb\n"),
	  BYTES("a\n.\nb\n") },
	{ "a lone dot at the very end ends", true, BYTES("a\n."), BYTES("a\n") },
	{ "other dots are text", true, BYTES("..\n.a\na.\n. \n"),
	  BYTES("..\n.a\na.\n. \n") },
	{ "a dot and a bare CR are text", true, BYTES(".\rb\n.\r\r\n"),
	  BYTES(".\rb\n.\n") },
	{ "bare CRs stay, CR CR LF is a line end", true, BYTES("a\r\rb\r\r\nc\r"),
	  BYTES("a\r\rb\nc\r") },
	{ "NULs stay", true, BYTES("\0\n\0."), BYTES("\0\n\0.") },
	{ "nothing is nothing", true, BYTES(""), BYTES("") },
	{ "a dot first ends", true, BYTES(".\nx"), BYTES("") },
};

static void typing(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;

	for (size_t piece = 1; piece <= rows[row].typed.len + 1; piece++) {
		struct typed_decoder decoder = { .dot_ends = rows[row].dot_ends };
		AUTO_BUF out = BUF_INIT(1000);
		struct span part;

		for (size_t at = 0; at < rows[row].typed.len; at += piece) {
			part = span_after(rows[row].typed, at);
			if (part.len > piece)
				part.len = piece;
			assert_true(typed_decode(&decoder, part, &out));
		}
		assert_true(typed_finish(&decoder, &out));
		assert_int_equal(out.len, rows[row].stored.len);
		assert_memory_equal(out.data, rows[row].stored.at, out.len);
	}
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = typing,
						.initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("mail typed", tests, NULL, NULL);
}
