#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/header_rewrite.h"

/* "o" becomes "isp", whoever it is. */
static bool exchange(const void *ctx, const char *address, char address_out[ADDRESS_MAX])
{
	struct span local = address_local(address);

	(void)ctx;
	if (strcmp(address_domain(address), "o") != 0 || local.len > 800)
		return false;
	memcpy(address_out, local.at, local.len);
	memcpy(address_out + local.len, "@isp", 5);
	return true;
}

static const struct {
	const char *title;
	const char *before;
	const char *after; /* NULL: nothing changes */
} headers[] = {
	{ "the sender's fields", "From: a@o\nSender: b@o\nReply-To: c@o\n",
	  "From: a@isp\nSender: b@isp\nReply-To: c@isp\n" },
	{ "requests for receipts",
	  "Return-Receipt-To: a@o\nDisposition-Notification-To: a@o\n",
	  "Return-Receipt-To: a@isp\nDisposition-Notification-To: a@isp\n" },
	{ "colleagues, and nobody else", "To: x@y, Bob <b@o>\ncc:\tc@o\n",
	  "To: x@y, Bob <b@isp>\ncc:\tc@isp\n" },
	{ "other fields stay", "From: a@o\nSubject: a@o\nMessage-ID: <1.a@o>\n",
	  "From: a@isp\nSubject: a@o\nMessage-ID: <1.a@o>\n" },
	{ "names, comments and folding stay byte by byte",
	  "From: \"Ann, a@o\" (the a@o)\n\t <a@o> (home)\n",
	  "From: \"Ann, a@o\" (the a@o)\n\t <a@isp> (home)\n" },
	{ "encoded words stay", "From: =?utf-8?Q?J=C3=BCrgen_a=40o?= <a@o>\n",
	  "From: =?utf-8?Q?J=C3=BCrgen_a=40o?= <a@isp>\n" },
	{ "names in an unknown charset stay", "From: J\xFCrgen <a@o>\n",
	  "From: J\xFCrgen <a@isp>\n" },
	{ "an address as a name stays", "From: \"a@o\" <b@o>\n",
	  "From: \"a@o\" <b@isp>\n" },
	{ "groups", "To: staff: a@o, C <c@o>;, none:;, d@o\n",
	  "To: staff: a@isp, C <c@isp>;, none:;, d@isp\n" },
	{ "quoted local parts", "From: \"a b\"@o\n", "From: \"a b\"@isp\n" },
	{ "quotes that are not needed go", "From: \"a\"@o\n", "From: a@isp\n" },
	{ "routes stay in front", "From: <@x:a@o>\n", "From: <@x:a@isp>\n" },
	{ "blanks in an address go", "From: a @ o (c)\n", "From: a@isp (c)\n" },
	{ "a line without its end", "From: a@o", "From: a@isp" },
	{ "ends with a CR stay", "From: a@o\r\nTo: x@y\r\n",
	  "From: a@isp\r\nTo: x@y\r\n" },
	{ "a list that is none stays, the others do not", "To: a@o b@o\nFrom: a@o\n",
	  "To: a@o b@o\nFrom: a@isp\n" },
	{ "blanks before the colon", "From : a@o\n", "From : a@isp\n" },
	{ "what is behind the header is kept", "From: a@o\n\nFrom: a@o\n",
	  "From: a@isp\n\nFrom: a@o\n" },
	{ "nobody of ours", "From: x@y\nTo: z\n", NULL },
	{ "no header", "", NULL },
	{ "an empty field", "From:\nTo: \n", NULL },
};

static void check_header(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	AUTO_BUF out = BUF_INIT(10000);
	bool changed = header_rewrite(span_of(headers[row].before), exchange, NULL, &out);

	assert_string_equal(headers[row].after ? headers[row].after : "", out.data);
	assert_int_equal(headers[row].after != NULL, changed);
}

static void a_line_that_becomes_too_long_is_folded(void **state)
{
	AUTO_BUF header = BUF_INIT(100000);
	AUTO_BUF out = BUF_INIT(200000);
	struct span rest, line, piece;
	size_t members = 0;

	(void)state;
	assert_true(buf_append_text(&header, "To:"));
	for (unsigned i = 0; i < 300; i++)
		assert_true(buf_appendf(&header, "%s Member %03u <m%03u@o>", i ? "," : "",
					i, i));
	assert_true(buf_append_text(&header, "\nSubject: x\n"));
	assert_true(header_rewrite(buf_span(&header), exchange, NULL, &out));
	rest = buf_span(&out);
	while (span_cut(&rest, '\n', &line)) {
		assert_true(line.len <= 998);
		while (span_cut(&line, ',', &piece))
			members += memmem(piece.at, piece.len, "@isp", 4) != NULL;
	}
	assert_int_equal(300, members);
}

static void past_the_ceiling_nothing_is_left_behind(void **state)
{
	AUTO_BUF out = BUF_INIT(20);

	(void)state;
	assert_true(buf_append_text(&out, "x"));
	assert_false(header_rewrite(span_of("From: ann@o\nSubject: very long\n"),
				    exchange, NULL, &out));
	assert_string_equal("x", out.data);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(headers) + 2];

	for (size_t i = 0; i < LENGTH(headers); i++)
		tests[i] = (struct CMUnitTest){ .name = headers[i].title,
						.test_func = check_header,
						.initial_state = (void *)(uintptr_t)i };
	tests[LENGTH(headers)] = (struct CMUnitTest)cmocka_unit_test(
		a_line_that_becomes_too_long_is_folded);
	tests[LENGTH(headers) + 1] = (struct CMUnitTest)cmocka_unit_test(
		past_the_ceiling_nothing_is_left_behind);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
