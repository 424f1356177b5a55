#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/header.h"

/* The addresses called back, a blank behind each; or, refused, what the err says. */
static const struct {
	const char *title;
	const char *value;
	const char *addresses; /* NULL: refused */
	const char *why;
} lists[] = {
	{ "a bare address is one", "a@b", "a@b ", NULL },
	{ "a name and an address", "Ann B. Cook <a@b>", "a@b ", NULL },
	{ "a quoted name may hold anything", "\"Cook, Ann <x@y>; \\\"\" <a@b>", "a@b ",
	  NULL },
	{ "a list, empty elements included", ",a@b,, c@d ,", "a@b c@d ", NULL },
	{ "semicolons divide, as some programs write them", "a@b; c@d", "a@b c@d ",
	  NULL },
	{ "a group", "staff: a@b, C <c@d>; e@f", "a@b c@d e@f ", NULL },
	{ "an empty group", "undisclosed-recipients:;", "", NULL },
	{ "comments are no part of an address",
	  "a (x, (y@z)\\)) @ b (c) , (only a comment), Ann (Cook) <(x)c@d(y)>",
	  "a@b c@d ", NULL },
	{ "a folded list", "a@b,\n\tAnn\r\n Cook <c@d>", "a@b c@d ", NULL },
	{ "names without a domain are as they are", "root, Bob <bob>, \"a b\"",
	  "root bob a b ", NULL },
	{ "quoted local parts are unquoted", "\"a b\"@c, <\"d@e\"@f>", "a b@c d@e@f ",
	  NULL },
	{ "routes are dropped", "<@x,@y:a@b>", "a@b ", NULL },
	{ "an address as the name of another", "x@y <a@b>", "a@b ", NULL },
	{ "blanks round dots are obsolete and fine", "a . b @ c . d", "a.b@c.d ", NULL },
	{ "names in other letters", "J\xC3\xBCrgen <j\xC3\xBC@b>", "j\xC3\xBC@b ", NULL },
	{ "names in an unknown charset", "J\xFCrgen <j@b>", "j@b ", NULL },
	{ "a literal domain", "a@[192.0.2.1]", "a@[192.0.2.1] ", NULL },
	{ "no address at all", " \t", "", NULL },
	{ "the null path", "<>", "", NULL },
	{ "a comma is missing", "a@b c@d", NULL, "two" },
	{ "a name without an address", "Ann Cook", NULL, "comma" },
	{ "a quote is not closed", "\"a@b", NULL, "not closed" },
	{ "a comment is not closed", "a@b (c", NULL, "not closed" },
	{ "a bracket is not closed", "<a@b, c@d", NULL, "missing" },
	{ "a bracket too many", "a@b>", NULL, "too many" },
	{ "two domains", "a@b@c", NULL, "two" },
	{ "no local part", "@b", NULL, "no address" },
	{ "no domain", "a@", NULL, "no address" },
	{ "a domain that cannot be", "a@b_-", NULL, "no address" },
	{ "a control character", "a\x01@b", NULL, "not closed" },
	{ "words behind an address", "<a@b> c", NULL, "behind" },
	{ "a hidden divider", "\"a@b\"", NULL, "no address" },
};

static bool gather(void *ctx, const char *address, struct err *err)
{
	struct buf *all = ctx;

	(void)err;
	return buf_appendf(all, "%s ", address);
}

static void list(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	AUTO_BUF all = BUF_INIT(10000);
	struct err err = { 0 };
	bool parsed = header_addresses(span_of(lists[row].value), gather, &all, &err);

	assert_int_equal(parsed, lists[row].addresses != NULL);
	if (parsed) {
		assert_string_equal(all.data, lists[row].addresses);
	} else {
		assert_int_equal(err.kind, ERR_PERMANENT);
		assert_non_null(strstr(err.text, lists[row].why));
	}
}

static const struct {
	const char *title;
	const char *message;
	const char *fields; /* "name=unfolded value|" each */
	const char *rest;
} headers[] = {
	{ "a header ends at the empty line", "A: b\nC: d\n\nE: f\n", "A=b|C=d|",
	  "\nE: f\n" },
	{ "line ends may be CR LF", "A: b\r\n c\r\n\r\nbody", "A=b c|", "\r\nbody" },
	{ "folded lines belong to their field", "A: b\n\tc\n  d\nE: f\n",
	  "A=b\tc  d|E=f|", "" },
	{ "a line that is no field ends it", "A: b\nno field\nC: d\n", "A=b|",
	  "no field\nC: d\n" },
	{ "a message may start with its body", "\nA: b\n", "", "\nA: b\n" },
	{ "an mbox line is no field", "From a Thu Jan  1 00:00:00 1970\nA: b\n", "",
	  "From a Thu Jan  1 00:00:00 1970\nA: b\n" },
	{ "a continuation of nothing is no field", " x: y\nA: b\n", "", " x: y\nA: b\n" },
	{ "a header may end without a line end", "A: b", "A=b|", "" },
	{ "an empty value is one", "A:\nB:", "A=|B=|", "" },
	{ "a blank may stand in front of the colon", "A : b\n", "A=b|", "" },
	{ "a name of no letters is none", ": b\n", "", ": b\n" },
	{ "a name has no letters beyond ASCII", "\xC3\xBC: b\n", "", "\xC3\xBC: b\n" },
};

static void fields(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct span rest = span_of(headers[row].message);
	struct header_field field;
	AUTO_BUF all = BUF_INIT(10000);

	while (header_next(&rest, &field))
		assert_true(
			buf_append_span(&all, field.name) && buf_append_byte(&all, '=') &&
			header_unfold(field.value, &all) && buf_append_byte(&all, '|'));
	assert_string_equal(all.data, headers[row].fields);
	assert_true(span_is(rest, headers[row].rest));
}

static void a_field_is_found_in_any_case(void **state)
{
	struct span message = span_of("A: 1\nsubject: 2\nSubject: 3\n\nTo: 4\n");
	struct header_field field;

	(void)state;
	assert_true(header_find(message, "SUBJECT", &field));
	assert_true(span_is(field.whole, "subject: 2\n"));
	assert_true(span_is(field.value, " 2"));
	assert_false(header_find(message, "To", &field));
}

static bool stop(void *ctx, const char *address, struct err *err)
{
	(*(int *)ctx)++;
	return err_temporary(err, "4.3.0", "enough of %s", address);
}

static void a_caller_may_stop(void **state)
{
	struct err err = { 0 };
	int calls = 0;

	(void)state;
	assert_false(header_addresses(span_of("a@b, c@d"), stop, &calls, &err));
	assert_int_equal(calls, 1);
	assert_int_equal(err.kind, ERR_TEMPORARY);
}

static void an_endless_address_is_refused(void **state)
{
	AUTO_BUF value = BUF_INIT(100000);
	AUTO_BUF all = BUF_INIT(1000);
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 50000; i++)
		assert_true(buf_append_byte(&value, 'a'));
	assert_false(header_addresses(buf_span(&value), gather, &all, &err));
	assert_true(buf_append_text(&value, " <a@b>"));
	assert_true(header_addresses(buf_span(&value), gather, &all, &err));
	assert_string_equal(all.data, "a@b ");
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(lists) + LENGTH(headers) + 3] = {
		{ .name = "a field is found in any case",
		  .test_func = a_field_is_found_in_any_case },
		{ .name = "the caller may stop at any address",
		  .test_func = a_caller_may_stop },
		{ .name = "an endless name is fine, an endless address is refused",
		  .test_func = an_endless_address_is_refused },
	};
	struct CMUnitTest *next = tests + 3;

	for (size_t i = 0; i < LENGTH(lists); i++)
		*next++ = (struct CMUnitTest){ .name = lists[i].title,
					       .test_func = list,
					       .initial_state = (void *)(uintptr_t)i };
	for (size_t i = 0; i < LENGTH(headers); i++)
		*next++ = (struct CMUnitTest){ .name = headers[i].title,
					       .test_func = fields,
					       .initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("mail header", tests, NULL, NULL);
}
