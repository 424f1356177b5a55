#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/address.h"

static const struct {
	const char *title;
	const char *path;
	const char *address; /* NULL: refused */
	const char *left;
	const char *wire; /* NULL: as the address */
} paths[] = {
	{ "an address in brackets is taken", "<a@b.example> SIZE=1", "a@b.example",
	  " SIZE=1", NULL },
	{ "the null sender is empty", "<>", "", "", NULL },
	{ "postmaster needs no domain", "<postmaster>", "postmaster", "", NULL },
	{ "a blank in front of the path does no harm", " <a@b>", "a@b", "", NULL },
	{ "an address without brackets ends at a blank", "a@b SIZE=1", "a@b", " SIZE=1",
	  NULL },
	{ "a source route is dropped", "<@x.example,@y:a@b>", "a@b", "", NULL },
	{ "a quoted local part is unquoted inside", "<\"a b\\\"c\"@d>", "a b\"c@d", "",
	  "\"a b\\\"c\"@d" },
	{ "needless quotes go", "<\"ann\"@d>", "ann@d", "", NULL },
	{ "an \"@\" in quotes does not divide", "<\"a@b\"@c>", "a@b@c", "", "\"a@b\"@c" },
	{ "dots where RFC 5321 has none are taken, and quoted on leaving", "<a..b.@c>",
	  "a..b.@c", "", "\"a..b.\"@c" },
	{ "letters beyond ASCII are taken", "<\xC3\xBC@d\xC3\xBC.example>",
	  "\xC3\xBC@d\xC3\xBC.example", "", NULL },
	{ "an address literal is a domain", "<a@[192.0.2.1]>", "a@[192.0.2.1]", "",
	  NULL },
	{ "an IPv6 literal is a domain", "<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]",
	  "", NULL },
	{ "what a shell would act on is only a name", "<a`$|&{}@b>", "a`$|&{}@b", "",
	  NULL },
	{ "a leading hyphen is only a name", "<-rf@b>", "-rf@b", "", NULL },
	{ "a path is only a name", "<../../etc/passwd@b>", "../../etc/passwd@b", "",
	  "\"../../etc/passwd\"@b" },
	{ "the percent sign means nothing", "<a%c@b>", "a%c@b", "", NULL },
	{ "the exclamation mark means nothing", "<c!a@b>", "c!a@b", "", NULL },
	{ "a long local part is taken",
	  "<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b>",
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b", "",
	  NULL },
	{ "a semicolon is refused", "<a;b@c>", NULL, "", NULL },
	{ "a newline is refused", "<a\n@c>", NULL, "", NULL },
	{ "a newline in quotes is refused", "<\"a\nb\"@c>", NULL, "", NULL },
	{ "two unquoted \"@\" are refused", "<a@b@c>", NULL, "", NULL },
	{ "an empty local part is refused", "<@c>", NULL, "", NULL },
	{ "an empty quoted local part is refused", "<\"\"@c>", NULL, "", NULL },
	{ "an empty domain is refused", "<a@>", NULL, "", NULL },
	{ "a quoted \"@\" without a domain is refused", "<\"a@b\">", NULL, "", NULL },
	{ "an open bracket is refused", "<a@b", NULL, "", NULL },
	{ "an open quote is refused", "<\"a@b>", NULL, "", NULL },
	{ "a quoted pair outside quotes is refused", "<a\\@b@c>", NULL, "", NULL },
	{ "an open source route is refused", "<@x,@y>", NULL, "", NULL },
	{ "half a letter of UTF-8 is refused", "<\xC3@b>", NULL, "", NULL },
	{ "an overlong slash is refused", "<\xC0\xAF@b>", NULL, "", NULL },
	{ "a hidden control character is refused", "<a\xC2\x85@b>", NULL, "", NULL },
	{ "no path at all is refused", "", NULL, "", NULL },
	{ "a blank in the local part is refused", "<a b@c>", NULL, "", NULL },
	{ "a domain with an empty label is refused", "<a@b..c>", NULL, "", NULL },
	{ "a domain with a slash is refused", "<a@b/c>", NULL, "", NULL },
	{ "a literal that is none is refused", "<a@[1.2.3]>", NULL, "", NULL },
};

static void path(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct span rest = span_of(paths[row].path);
	char address[ADDRESS_MAX];
	struct err err = { 0 };
	AUTO_BUF wire = BUF_INIT(ADDRESS_WIRE_MAX);
	bool taken = address_take_path(&rest, address, &err);

	assert_int_equal(taken, paths[row].address != NULL);
	if (!taken) {
		assert_string_equal(err.status, "5.1.3");
		assert_ptr_equal(rest.at, paths[row].path);
		return;
	}
	assert_string_equal(address, paths[row].address);
	assert_true(span_is(rest, paths[row].left));
	assert_true(address_append(&wire, address));
	assert_string_equal(wire.data,
			    paths[row].wire ? paths[row].wire : paths[row].address);
}

static void a_nul_is_refused(void **state)
{
	struct span rest = { "<a\0b@c>", 7 };
	char address[ADDRESS_MAX];
	struct err err = { 0 };

	(void)state;
	assert_false(address_take_path(&rest, address, &err));
}

static void an_address_past_the_limit_is_refused(void **state)
{
	AUTO_BUF longest = BUF_INIT(2000);
	char address[ADDRESS_MAX];
	struct err err = { 0 };
	struct span rest;

	(void)state;
	assert_true(buf_append_byte(&longest, '<'));
	for (int i = 0; i < ADDRESS_MAX - 3; i++)
		assert_true(buf_append_byte(&longest, 'a'));
	assert_true(buf_append_text(&longest, "@b>"));
	rest = buf_span(&longest);
	assert_true(address_take_path(&rest, address, &err));
	assert_int_equal(strlen(address), ADDRESS_MAX - 1);
	longest.data[1] = 'a';
	buf_cut(&longest, longest.len - 1);
	assert_true(buf_append_text(&longest, "b>"));
	rest = buf_span(&longest);
	assert_false(address_take_path(&rest, address, &err));
}

static void parts(void **state)
{
	(void)state;
	assert_string_equal(address_domain("a@b@c"), "c");
	assert_string_equal(address_domain("postmaster"), "");
	assert_true(span_is(address_local("a@b@c"), "a@b"));
	assert_true(span_is(address_local("postmaster"), "postmaster"));
	assert_true(address_same("Ann@Home.Example", "ann@home.example"));
	assert_false(address_same("ann@home", "ann@home.example"));
	assert_true(address_is_utf8("\xC3\xBC@b"));
	assert_false(address_is_utf8("u@b"));
}

static void domains(void **state)
{
	static const struct {
		const char *domain;
		bool is_valid;
	} rows[] = {
		{ "mail.example", true },
		{ "my_pc", true },
		{ "xn--bcher-kva", true },
		{ "1.2.3.4", true },
		{ "[127.0.0.1]", true },
		{ "[IPv6:::1]", true },
		{ "", false },
		{ ".", false },
		{ "a.", false },
		{ "-a.b", false },
		{ "a b", false },
		{ "a\\", false },
		{ "[::1]", false },
		{ "[127.0.0.1", false },
		{ "a\xFF", false },
		{ "[]", false },
		{ "[IPv6:]", false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		assert_int_equal(address_domain_is_valid(span_of(rows[i].domain)),
				 rows[i].is_valid);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(paths) + 4] = { 0 };
	size_t count = 0;

	for (; count < LENGTH(paths); count++)
		tests[count] =
			(struct CMUnitTest){ .name = paths[count].title,
					     .test_func = path,
					     .initial_state = (void *)(uintptr_t)count };
	tests[count++] = (struct CMUnitTest){ .name = "a NUL in an address is refused",
					      .test_func = a_nul_is_refused };
	tests[count++] =
		(struct CMUnitTest){ .name = "an address past the limit is refused",
				     .test_func = an_address_past_the_limit_is_refused };
	tests[count++] = (struct CMUnitTest){ .name = "the last \"@\" divides an address",
					      .test_func = parts };
	tests[count++] = (struct CMUnitTest){ .name = "a domain is one that could exist",
					      .test_func = domains };
	return cmocka_run_group_tests_name("mail address", tests, NULL, NULL);
}
