#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "send/patience.h"

static const struct {
	const char *title;
	struct patience_case now;
	double seconds;
} rows[] = {
	{ "a command has five minutes", { .is_body_written = false }, 300 },
	{ "a body has ten", { .is_body_written = true }, 600 },
	{ "a server that closes has said all",
	  { .is_closing = true, .is_body_written = true },
	  10 },
	{ "half an answer, the first time, is the whole answer",
	  { .is_half_answered = true, .is_pipelining_new = true },
	  30 },
	{ "unless the line is longer than that",
	  { .is_half_answered = true, .is_pipelining_new = true, .rtt_us = 4000000 },
	  40 },
	{ "half an answer of a server that can do it has its time",
	  { .is_half_answered = true },
	  300 },
	{ "the first body by BDAT is not waited for so long",
	  { .is_body_written = true, .is_chunked = true, .is_chunking_new = true },
	  180 },
	{ "later ones are", { .is_body_written = true, .is_chunked = true }, 600 },
};

static void silence(void **state)
{
	size_t i = (size_t)(uintptr_t)*state;

	assert_true(patience_s(&rows[i].now) == rows[i].seconds);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = silence,
						.initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("how long a reply is waited for", tests, NULL,
					   NULL);
}
