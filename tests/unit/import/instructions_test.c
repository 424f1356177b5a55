/* .qmail files of alias/ and boot scripts, as they are carried over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "import/instructions.h"

static const struct {
	const char *title;
	const char *file;
	const char *carried;
	unsigned paths, programs;
	const char *foreign;
	const char *map;
} files[] = {
	{ "addresses stay", "&joe\nann@far.example\n# why\n",
	  "&joe\nann@far.example\n# why\n", 0, 0, "", "" },
	{ "a mailbox stays below the old home", "./Mailbox\n./dir/\n/abs/Box\n",
	  "/q/alias/Mailbox\n/q/alias/dir/\n/abs/Box\n", 2, 0, "", "" },
	{ "a program of ours needs no path",
	  "|/q/bin/forward joe\n|/q/bin/except /q/bin/condredirect a b\n",
	  "|forward joe\n|except condredirect a b\n", 0, 3, "", "" },
	{ "one that needs qmail is told", "|/q/bin/qreceipt joe\n",
	  "|/q/bin/qreceipt joe\n", 0, 0, "qreceipt", "" },
	{ "another program stays as it is", "|/usr/bin/vacation joe\n| cat >x\n",
	  "|/usr/bin/vacation joe\n| cat >x\n", 0, 0, "", "" },
	{ "fastforward's line goes, and names its map",
	  "|fastforward -d /etc/aliases.cdb\n", "", 0, 0, "", "/etc/aliases.cdb" },
	{ "with a path and blanks too",
	  "| /usr/bin/fastforward  -p /etc/aliases.cdb\n&joe\n", "&joe\n", 0, 0, "",
	  "/etc/aliases.cdb" },
	{ "in a longer command it stays", "|fastforward x.cdb | cat\n",
	  "|fastforward x.cdb | cat\n", 0, 0, "", "" },
	{ "so does what only ends like it", "|myfastforward x.cdb\n",
	  "|myfastforward x.cdb\n", 0, 0, "", "" },
	{ "a last line without its end gets one", "joe", "joe\n", 0, 0, "", "" },
};

static void translate(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	AUTO_BUF out = BUF_INIT(4096);
	struct instructions done;

	assert_true(instructions_translate("/q", span_of(files[row].file), &out, &done));
	assert_string_equal(out.data, files[row].carried);
	assert_int_equal(done.paths, files[row].paths);
	assert_int_equal(done.programs, files[row].programs);
	assert_string_equal(done.foreign, files[row].foreign);
	assert_string_equal(done.aliases_map, files[row].map);
}

static const struct {
	const char *title;
	const char *script;
	const char *usual; /* NULL: not to be read */
} scripts[] = {
	{ "usual: a word", "exec qmail-start ./Mailbox splogger\n", "./Mailbox\n" },
	{ "usual: on the next line", "exec /q/bin/qmail-start \\\n  ./Maildir/ \\\n  x\n",
	  "./Maildir/\n" },
	{ "usual: lines in quotes", "qmail-start '|a b\n./Mailbox' &\n",
	  "|a b\n./Mailbox\n" },
	{ "usual: not in a comment", "# qmail-start ./Mailbox\n", NULL },
	{ "usual: not what a shell works out", "qmail-start \"$(cat x)\"\n", NULL },
	{ "usual: not a quote without its end", "qmail-start './Mailbox\n", NULL },
	{ "usual: not a logger", "qmail-start splogger\n", NULL },
	{ "usual: nothing", "", NULL },
};

static void find_usual(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	AUTO_BUF out = BUF_INIT(4096);
	bool found = instructions_usual(span_of(scripts[row].script), &out);

	assert_int_equal(found, scripts[row].usual != NULL);
	if (found)
		assert_string_equal(out.data, scripts[row].usual);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(files) + LENGTH(scripts)];

	for (size_t i = 0; i < LENGTH(files); i++)
		tests[i] = (struct CMUnitTest){ .name = files[i].title,
						.test_func = translate,
						.initial_state = (void *)(uintptr_t)i };
	for (size_t i = 0; i < LENGTH(scripts); i++)
		tests[LENGTH(files) + i] =
			(struct CMUnitTest){ .name = scripts[i].title,
					     .test_func = find_usual,
					     .initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("import instructions", tests, NULL, NULL);
}
