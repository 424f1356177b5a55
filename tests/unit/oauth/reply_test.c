#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "oauth/reply.h"

/* One row, one field: what is kept of it. */
static const struct {
	const char *title;
	const char *json;
	const char *access_token; /* NULL: counts as missing */
	const char *error_description;
	uint64_t expires_in;
} replies[] = {
	{ "a token and its life", "{\"access_token\":\"ya29.a/b=\",\"expires_in\":3600}",
	  "ya29.a/b=", NULL, 3600 },
	{ "what is unknown is passed over",
	  "{\"x\":{\"access_token\":\"no\"},\"access_token\":\"yes\"}", "yes", NULL, 0 },
	{ "a number as a text", "{\"expires_in\":\"3599\"}", NULL, NULL, 3599 },
	{ "no number below nothing", "{\"expires_in\":-5}", NULL, NULL, 0 },
	{ "no number that lasts for ever", "{\"expires_in\":9223372036854775807}", NULL,
	  NULL, (uint64_t)10 * 365 * 86400 },
	{ "a broken number", "{\"expires_in\":\"1h\"}", NULL, NULL, 0 },
	{ "a fraction", "{\"expires_in\":1.5}", NULL, NULL, 0 },
	{ "a token with a line end is none", "{\"access_token\":\"a\\nrefresh=b\"}", NULL,
	  NULL, 0 },
	{ "a token with a blank is none", "{\"access_token\":\"a b\"}", NULL, NULL, 0 },
	{ "a token in other letters is none", "{\"access_token\":\"\\u00e9\"}", NULL,
	  NULL, 0 },
	{ "an empty token is none", "{\"access_token\":\"\"}", NULL, NULL, 0 },
	{ "a token that is no text is none", "{\"access_token\":7}", NULL, NULL, 0 },
	{ "words lose what a terminal obeys",
	  "{\"error_description\":\"no\\u001b[2J\\nway\"}", NULL, "no?[2J?way", 0 },
	{ "an empty object", "{}", NULL, NULL, 0 },
};

static void assert_text(const char *expected, const char *found)
{
	assert_int_equal(expected == NULL, found == NULL);
	if (expected && found)
		assert_string_equal(expected, found);
}

static void check_reply(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct oauth_reply reply;
	struct err err = { 0 };

	assert_true(oauth_reply_parse(span_of(replies[row].json), &reply, &err));
	assert_text(replies[row].access_token, reply.access_token);
	assert_text(replies[row].error_description, reply.error_description);
	assert_int_equal(replies[row].expires_in, reply.expires_in);
	oauth_reply_clear(&reply);
}

static void what_is_no_object_is_an_error_for_now(void **state)
{
	static const char *const texts[] = { "",       "[]",  "\"a\"",  "null",
					     "{\"a\"", "{}}", "<html>", "{\"a\":1,}" };

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		struct oauth_reply reply;
		struct err err = { 0 };

		assert_false(oauth_reply_parse(span_of(texts[i]), &reply, &err));
		assert_int_equal(ERR_TEMPORARY, err.kind);
	}
}

static void a_token_without_end_is_none(void **state)
{
	AUTO_BUF json = BUF_INIT(100000);
	struct oauth_reply reply;
	struct err err = { 0 };

	(void)state;
	assert_true(buf_append_text(&json, "{\"access_token\":\""));
	for (int i = 0; i <= OAUTH_TOKEN_MAX; i++)
		assert_true(buf_append_byte(&json, 'a'));
	assert_true(buf_append_text(&json, "\"}"));
	assert_true(oauth_reply_parse(buf_span(&json), &reply, &err));
	assert_null(reply.access_token);
	oauth_reply_clear(&reply);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(replies) + 2];

	for (size_t i = 0; i < LENGTH(replies); i++)
		tests[i] = (struct CMUnitTest){ .name = replies[i].title,
						.test_func = check_reply,
						.initial_state = (void *)(uintptr_t)i };
	tests[LENGTH(replies)] = (struct CMUnitTest)cmocka_unit_test(
		what_is_no_object_is_an_error_for_now);
	tests[LENGTH(replies) + 1] =
		(struct CMUnitTest)cmocka_unit_test(a_token_without_end_is_none);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
