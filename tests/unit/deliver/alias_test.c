#include "office.h"

#include "deliver/alias.h"

static const struct {
	const char *name;
	const char *text;
} files[] = {
	{ "alias/.qmail-sales", "&ann\nbob@clinic.example\n" },
	{ "alias/.qmail-list-default", "&bob\n" },
	{ "alias/.qmail-list-owner", "&ann\n" },
	{ "alias/.qmail-dots:in:names", "&ann\n" },
};

static const struct {
	const char *title;
	const char *name;
	const char *found; /* "": no alias */
} rows[] = {
	{ "a name has a file", "sales", ".qmail-sales" },
	{ "a longer name is another", "sales-team", "" },
	{ "an extension has a file of its own", "list-owner", ".qmail-list-owner" },
	{ "else the list's default", "list-owner-2", ".qmail-list-default" },
	{ "an empty extension too", "list-", ".qmail-list-default" },
	{ "but not the bare name", "list", "" },
	{ "dots are colons", "dots.in.names", ".qmail-dots:in:names" },
	{ "a slash leaves the folder nowhere", "../me", "" },
	{ "an empty name", "", "" },
	{ "dashes alone", "---", "" },
};

static int make(void **state)
{
	office_make(state);
	for (size_t i = 0; i < LENGTH(files); i++)
		office_write(files[i].name, files[i].text);
	return 0;
}

static void it_is_found(void **state)
{
	size_t i = (uintptr_t)*state;
	struct alias_found found;
	struct err err;

	assert_true(alias_find(office_control_fd, rows[i].name, &found, &err));
	assert_string_equal(found.name, rows[i].found);
}

static void a_name_longer_than_any_file_is_none(void **state)
{
	char name[1000];
	struct alias_found found;
	struct err err;

	(void)state;
	for (size_t len = 200; len < sizeof(name); len += 7) {
		memset(name, '-', len);
		name[len] = '\0';
		assert_true(alias_find(office_control_fd, name, &found, &err));
		assert_string_equal(found.name, "");
	}
}

static void a_folder_that_cannot_be_searched_is_no_answer(void **state)
{
	struct alias_found found;
	struct err err;

	(void)state;
	assert_int_equal(renameat(office_control_fd, "alias", office_control_fd, "away"),
			 0);
	office_write("alias", "not a folder\n");
	assert_false(alias_find(office_control_fd, "sales", &found, &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	assert_int_equal(unlinkat(office_control_fd, "alias", 0), 0);
	assert_int_equal(renameat(office_control_fd, "away", office_control_fd, "alias"),
			 0);
}

static bool gather(void *ctx, const char *address, struct err *err)
{
	struct buf *out = ctx;

	(void)err;
	return buf_appendf(out, "%s ", address);
}

static const struct {
	const char *text;
	const char *addresses; /* NULL: refused */
} contents[] = {
	{ "# a comment\n\n&ann\n  bob@clinic.example  \n&\tq@x.example\n",
	  "ann bob@clinic.example q@x.example " },
	{ "&ann", "ann " },
	{ "&ann\r\n&bob\r\n", "ann bob " },
	{ "", NULL },
	{ "# nobody\n", NULL },
	{ "|/bin/true\n", NULL },
	{ "./Maildir/\n", NULL },
	{ "&not an address\n", NULL },
	{ "&\n", NULL },
	{ "&ann@\n", NULL },
};

static void its_lines_are_followed(void **state)
{
	struct alias_found found = { ".qmail-test" };

	(void)state;
	for (size_t i = 0; i < LENGTH(contents); i++) {
		AUTO_BUF out = BUF_INIT(4096);
		struct err err = { 0 };
		bool done;

		office_write("alias/.qmail-test", contents[i].text);
		done = alias_follow(office_control_fd, &found, gather, &out, &err);
		assert_int_equal(done, contents[i].addresses != NULL);
		if (done)
			assert_string_equal(out.data, contents[i].addresses);
		else
			assert_string_equal(err.status, "4.3.5");
	}
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 3] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = it_is_found,
						.initial_state = (void *)(uintptr_t)i };
	tests[LENGTH(rows)] =
		(struct CMUnitTest)cmocka_unit_test(a_name_longer_than_any_file_is_none);
	tests[LENGTH(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(
		a_folder_that_cannot_be_searched_is_no_answer);
	tests[LENGTH(rows) + 2] =
		(struct CMUnitTest)cmocka_unit_test(its_lines_are_followed);
	return cmocka_run_group_tests_name("aliases", tests, make, office_remove);
}
