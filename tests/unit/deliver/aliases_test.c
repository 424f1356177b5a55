/* The grammar of control/aliases, as fastforward's newaliases compiles it. */
#include "deliver/aliases_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct qualifier qualifier = { "me.example", "office.example",
					    "plus.example" };

static const struct {
	const char *title;
	const char *text;
	const char *compiled; /* "alias=command command;..."; NULL: refused, with: */
	const char *refusal;
} rows[] = {
	{ "a user gets another's mail", "root: ann", "root@=&ann@me.example;", NULL },
	{ "the alias is compared without case", "Root:ann", "root@=&ann@me.example;",
	  NULL },
	{ "one address, and one domain, of a kind",
	  "a@B.example: c@d.example\n@b.example: e",
	  "a@b.example=&c@d.example;@b.example=&e@me.example;", NULL },
	{ "several recipients", "a: b,c , d@e.example",
	  "a@=&b@me.example &c@me.example &d@e.example;", NULL },
	{ "lines that go on, also over an empty one", "a:\n b,\n\n\tc\nd: e",
	  "a@=&b@me.example &c@me.example;d@=&e@me.example;", NULL },
	{ "comments, and comments that go on", "# x: y\n z: y\n\na: b\n#c: d",
	  "a@=&b@me.example;", NULL },
	{ "names and comments round an address",
	  "a: Bob B <bob@c.example> (the postmaster, and: more)", "a@=&bob@c.example;",
	  NULL },
	{ "quoted local parts, with commas and colons",
	  "\"x, y: z\"@h.example: \"b, c\"@d.example",
	  "x, y: z@h.example=&b, c@d.example;", NULL },
	{ "hosts are completed as qmail-inject does", "a: b@c, d@e+",
	  "a@=&b@c.office.example &d@e.plus.example;", NULL },
	{ "a program, as newaliases writes it", "a: \"|/bin/x -y 'z, 1'\", b",
	  "a@=!/bin/x -y 'z, 1' &b@me.example;", NULL },
	{ "an include, quoted or not", "a: :include:/l/x, \":include:/l/y z\"",
	  "a@=/l/x.bin /l/y z.bin;", NULL },
	{ "sendmail's user who is no alias", "a: \\a", "a@=&a@me.example;", NULL },
	{ "nobody", "a:", "a@=;", NULL },
	{ "CR LF line ends", "a: b\r\nc: d\r\n", "a@=&b@me.example;c@=&d@me.example;",
	  NULL },
	{ "an include needs its whole path", "\na: :include:x", NULL, "2: :include:x" },
	{ "no files are written", "a: /var/mail/a", NULL, "1: \"/var/mail/a\"" },
	{ "a line without a colon", "a: b\nc", NULL, "2: no \":\"" },
	{ "a quote that is not closed", "a: \"b", NULL, "1: " },
	{ "two words are no alias", "a b: c", NULL, "1: " },
};

static bool write_down(void *ctx, const char *alias, struct span commands,
		       struct err *err)
{
	struct buf *out = ctx;
	bool first = true;
	struct span command;

	(void)err;
	assert_true(buf_appendf(out, "%s=", alias));
	while (span_cut(&commands, '\0', &command) && commands.at) {
		assert_true(
			buf_appendf(out, "%s%.*s", first ? "" : " ", SPAN_ARG(command)));
		first = false;
	}
	assert_true(buf_append_byte(out, ';'));
	return true;
}

static void lines_become_commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		AUTO_BUF out = BUF_INIT(10000);
		struct err err = { 0 };
		bool good = aliases_text_each(span_of(rows[i].text), &qualifier,
					      write_down, &out, &err);

		if (good != (rows[i].compiled != NULL) ||
		    (good ? strcmp(out.data, rows[i].compiled) != 0
			  : strncmp(err.text, rows[i].refusal, strlen(rows[i].refusal)) !=
				     0))
			fail_msg("%s: \"%s\" \"%s\"", rows[i].title, out.data, err.text);
		if (!good)
			assert_int_equal(err.exit_code, EX_CONFIG);
	}
}

static void lists_hold_addresses_and_lists(void **state)
{
	AUTO_BUF out = BUF_INIT(10000);
	struct err err;
	static const char expected[] = "&a@me.example\0&b@c.example\0/l/more.bin";

	(void)state;
	assert_true(aliases_text_list(
		span_of("# staff\na, Bob <b@c.example>\n\n:include:/l/more\n"),
		&qualifier, &out, &err));
	assert_int_equal(out.len, sizeof(expected));
	assert_memory_equal(out.data, expected, sizeof(expected));
	assert_false(aliases_text_list(span_of("a\n|rm\n"), &qualifier, &out, &err));
	assert_non_null(strstr(err.text, "2: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_commands),
		cmocka_unit_test(lists_hold_addresses_and_lists),
	};

	return cmocka_run_group_tests_name("aliases", tests, NULL, NULL);
}
