#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "deliver/qmail_file.h"

static const struct {
	const char *title;
	const char *text;
	bool forward_only;
	const char *lines; /* "KIND TEXT;" each; NULL: refused, for now */
} rows[] = {
	{ "a comment does nothing", "# |rm -rf /\n", false, "" },
	{ "an empty file has no lines", "", false, "" },
	{ "an ampersand forwards", "&bob@a.example\n", false, "F bob@a.example;" },
	{ "a letter forwards", "bob@a.example\n", false, "F bob@a.example;" },
	{ "a digit forwards", "1@a.example\n", false, "F 1@a.example;" },
	{ "a local name is an address", "&bob\n", false, "F bob;" },
	{ "a bar is a program, as it stands", "|cat \"a  b\" # c\n", false,
	  "P cat \"a  b\" # c;" },
	{ "a dot and a slash at the end is a Maildir", "./Maildir/\n", false,
	  "D ./Maildir/;" },
	{ "so is a slash and a slash", "/home/a/Maildir/\n", false,
	  "D /home/a/Maildir/;" },
	{ "without it, it is an mbox", "./Mailbox\n/var/mail/a\n", false,
	  "B ./Mailbox;B /var/mail/a;" },
	{ "a dot alone is an mbox name, too", ".box\n", false, "B .box;" },
	{ "blanks at the end do not count", "./Maildir/ \t\n&bob \n", false,
	  "D ./Maildir/;F bob;" },
	{ "nor does a CR", "./Maildir/\r\n&bob\r\n", false, "D ./Maildir/;F bob;" },
	{ "empty lines later are ignored", "&bob\n\n  \n&ann\n", false, "F bob;F ann;" },
	{ "a first line that is blank is a mistake", "\n&bob\n", false, NULL },
	{ "also one of blanks", "  \n&bob\n", false, NULL },
	{ "the last line needs no line end", "&bob\n./Maildir/", false,
	  "F bob;D ./Maildir/;" },
	{ "the order stays", "|a\n&b\n./c\n", false, "P a;F b;B ./c;" },
	{ "a list's forwards are taken", "&bob\n", true, "F bob;" },
	{ "a program in a list is refused", "&bob\n|x\n", true, NULL },
	{ "a Maildir in a list is refused", "./Maildir/\n", true, NULL },
	{ "an mbox in a list is refused", "/box\n", true, NULL },
	{ "+list makes it one from there", "./Maildir/\n+list\n&bob\n", false,
	  "D ./Maildir/;F bob;" },
	{ "and nothing else may follow", "+list\n|x\n", false, NULL },
	{ "other plus lines are reserved", "+future\n&bob\n", false, "F bob;" },
	{ "two addresses in a line are none", "&bob@a.example ann@a.example\n", false,
	  NULL },
	{ "an address with a comment is none", "&bob@a.example (Bob)\n", false, NULL },
	{ "an ampersand alone is none", "&\n", false, NULL },
	{ "a quoted local part is unquoted", "&\"a b\"@a.example\n", false,
	  "F a b@a.example;" },
};

static void its_lines_are_these(void **state)
{
	static const char letters[] = { [QMAIL_FORWARD] = 'F',
					[QMAIL_PROGRAM] = 'P',
					[QMAIL_MAILDIR] = 'D',
					[QMAIL_MBOX] = 'B' };
	size_t i = (uintptr_t)*state;
	AUTO_BUF lines = BUF_INIT(4096);
	struct qmail_file file;
	struct err err = { 0 };

	if (!qmail_file_parse(span_of(rows[i].text), rows[i].forward_only, &file, &err)) {
		assert_null(rows[i].lines);
		assert_int_equal(err.kind, ERR_TEMPORARY);
		assert_non_null(strstr(err.text, "line "));
		return;
	}
	assert_non_null(rows[i].lines);
	for (size_t j = 0; j < file.count; j++)
		assert_true(buf_appendf(&lines, "%c %s;", letters[file.lines[j].kind],
					file.lines[j].text));
	assert_string_equal(lines.data, rows[i].lines);
	qmail_file_clear(&file);
}

static void a_nul_is_refused(void **state)
{
	static const char text[] = "./Maildir/\n|a\0b\n";
	struct qmail_file file;
	struct err err;

	(void)state;
	assert_false(qmail_file_parse((struct span){ text, sizeof(text) - 1 }, false,
				      &file, &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
}

static void ten_thousand_members_are_a_list(void **state)
{
	AUTO_BUF text = BUF_INIT((size_t)1024 * 1024);
	struct qmail_file file;
	struct err err;

	(void)state;
	for (unsigned i = 1; i <= 10000; i++)
		assert_true(buf_appendf(&text, "&member%u@far.example\n", i));
	assert_true(qmail_file_parse(buf_span(&text), true, &file, &err));
	assert_int_equal(file.count, 10000);
	assert_int_equal(file.lines[9999].number, 10000);
	assert_string_equal(file.lines[9999].text, "member10000@far.example");
	qmail_file_clear(&file);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 2] = {
		[LENGTH(rows)] = cmocka_unit_test(a_nul_is_refused),
		[LENGTH(rows) + 1] = cmocka_unit_test(ten_thousand_members_are_a_list),
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = its_lines_are_these,
						.initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("lines of .qmail files", tests, NULL, NULL);
}
