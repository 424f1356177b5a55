#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/priority.h"

static const struct {
	const char *title;
	const char *header;
	enum mail_priority asked;
} rows[] = {
	{ "a header that says nothing asks for nothing", "Subject: x\n\n",
	  PRIORITY_NORMAL },
	{ "X-Priority 1 is urgent", "X-Priority: 1 (Highest)\n\n", PRIORITY_URGENT },
	{ "with or without a word behind it", "x-priority:1\n\n", PRIORITY_URGENT },
	{ "X-Priority 2 is high", "X-Priority: 2\n\n", PRIORITY_HIGH },
	{ "X-Priority 3 to 5 are normal", "X-Priority: 5 (Lowest)\n\n", PRIORITY_NORMAL },
	{ "X-Priority 10 is none", "X-Priority: 10\n\n", PRIORITY_NORMAL },
	{ "Priority: urgent is RFC 2156's", "Priority: Urgent\n\n", PRIORITY_URGENT },
	{ "Priority: non-urgent is normal", "Priority: non-urgent\n\n", PRIORITY_NORMAL },
	{ "Importance: high is high", "Importance: High\r\n\r\n", PRIORITY_HIGH },
	{ "so is Outlook's own field", "X-MSMail-Priority: High\n\n", PRIORITY_HIGH },
	{ "the most that is asked for counts",
	  "Importance: high\nX-Priority: 1\nPriority: normal\n\n", PRIORITY_URGENT },
	{ "mail to many is not urgent", "X-Priority: 1\nPrecedence: bulk\n\n",
	  PRIORITY_NORMAL },
	{ "nor is a list's", "Precedence: list\nPriority: urgent\n\n", PRIORITY_NORMAL },
	{ "what was forwarded has somebody else's header",
	  "Delivered-To: ann@gate.example\nX-Priority: 1\n\n", PRIORITY_NORMAL },
	{ "the body says nothing", "Subject: x\n\nX-Priority: 1\n", PRIORITY_NORMAL },
	{ "an empty value is none", "X-Priority:\nPriority: \n\n", PRIORITY_NORMAL },
	{ "no header is none", "", PRIORITY_NORMAL },
};

static void ask(void **state)
{
	size_t i = (uintptr_t)*state;

	assert_int_equal(priority_asked(span_of(rows[i].header)), rows[i].asked);
}

static void every_word_is_read_back(void **state)
{
	enum mail_priority read;

	(void)state;
	for (unsigned i = 0; priority_words[i]; i++) {
		assert_true(priority_parse(span_of(priority_words[i]), &read));
		assert_int_equal(read, i);
	}
	assert_false(priority_parse(span_of("soon"), &read));
	assert_false(priority_parse(span_of(""), &read));
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = {
		[LENGTH(rows)] = cmocka_unit_test(every_word_is_read_back),
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = ask,
						.initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("priority", tests, NULL, NULL);
}
