/* Which link a word of a hook is about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "link/identity.h"

#define FILE_OF(name_, interface_)                                                      \
	{                                                                               \
		.has_file = true, .interface = (interface_), .note = {.name = (name_) } \
	}
#define UP_AT(name_, at, word_)            \
	{                                  \
		.note = {                  \
			.name = (name_),   \
			.up = true,        \
			.since = 1000,     \
			.interface = (at), \
			.word = (word_)    \
		}                          \
	}

#define KNOWN 3

static const struct {
	const char *title;
	struct link_entry known[KNOWN]; /* by name; those without one are none */
	struct link_word word;
	const char *meant; /* NULL: a link of its own */
} rows[] = {
	{ .title = "pppd without ipparam: the interface is the word",
	  .known = { FILE_OF("line", "ppp0") },
	  .word = { "ppp0", "ppp0", "/dev/ttyS0", true },
	  .meant = "line" },
	{ .title = "pppd with the provider's name as ipparam",
	  .known = { FILE_OF("line", "ppp0") },
	  .word = { "isp", "ppp0", "/dev/ttyS0", true },
	  .meant = "line" },
	{ .title = "NetworkManager's name of the connection",
	  .known = { FILE_OF("line", "wwan0") },
	  .word = { "my-phone", "wwan0", "cdc-wdm0", true },
	  .meant = "line" },
	{ .title = "the file names the modem and not what pppd makes of it",
	  .known = { FILE_OF("line", "ttyUSB1") },
	  .word = { "my-phone", "ppp0", "ttyUSB1", true },
	  .meant = "line" },
	{ .title = "the interface goes before the device",
	  .known = { FILE_OF("a", "ttyUSB1"), FILE_OF("line", "ppp0") },
	  .word = { "my-phone", "ppp0", "ttyUSB1", true },
	  .meant = "line" },
	{ .title = "a word alone may be the name of the interface",
	  .known = { FILE_OF("line", "ppp0") },
	  .word = { "ppp0", "", "", true },
	  .meant = "line" },
	{ .title = "a word alone is the name of a link before that of an interface",
	  .known = { FILE_OF("line", "ppp0"), FILE_OF("ppp0", "") },
	  .word = { "ppp0", "", "", true },
	  .meant = "ppp0" },
	{ .title = "the interface goes before the name of another file",
	  .known = { FILE_OF("isp", ""), FILE_OF("line", "ppp0") },
	  .word = { "isp", "ppp0", "", true },
	  .meant = "line" },
	{ .title = "a file without an interface is found by its name",
	  .known = { FILE_OF("hill", ""), FILE_OF("line", "ppp0") },
	  .word = { "hill", "wwan0", "", true },
	  .meant = "hill" },
	{ .title = "a hook knows that the link is at another interface today",
	  .known = { FILE_OF("line", "ppp0") },
	  .word = { "line", "ppp1", "", true },
	  .meant = "line" },
	{ .title = "the interface is not told, and the hook mistakes the device for it",
	  .known = { FILE_OF("line", "ppp0") },
	  .word = { "ppp0", "ttyUSB1", "", true },
	  .meant = "line" },
	{ .title = "no file names it: a link of its own",
	  .known = { FILE_OF("line", "ppp0") },
	  .word = { "eth9", "eth9", "", true } },
	{ .title = "nothing is known", .word = { "ppp0", "ppp0", "", true } },
	{ .title = "a second hook tells of the same event",
	  .known = { UP_AT("my-phone", "wwan0", "my-phone") },
	  .word = { "wwan0", "wwan0", "", true },
	  .meant = "my-phone" },
	{ .title = "a second one without a key",
	  .known = { UP_AT("my-phone", "wwan0", "my-phone") },
	  .word = { "wwan0", "", "", true },
	  .meant = "my-phone" },
	{ .title = "a name that was used before and is at another interface now",
	  .known = { UP_AT("sat", "other0", "sat") },
	  .word = { "sat", "link0", "", true },
	  .meant = "sat" },
	{ .title = "a file's name is not taken by what is up at that interface",
	  .known = { UP_AT("home", "wlan0", "home"), FILE_OF("office", "") },
	  .word = { "office", "wlan0", "", true },
	  .meant = "office" },
	{ .title = "a late down of the one that was there before",
	  .known = { FILE_OF("home", ""), UP_AT("office", "wlan0", "office") },
	  .word = { "home", "wlan0", "", false },
	  .meant = "home" },
	{ .title = "a down whose speaker no longer knows the interface",
	  .known = { { .has_file = true,
		       .interface = "ppp0",
		       .note = { .name = "line",
				 .up = true,
				 .interface = "ppp0",
				 .word = "my-phone" } } },
	  .word = { "my-phone", "ttyUSB1", "", false },
	  .meant = "line" },
	{ .title = "an up by that word at an interface that no file names is another",
	  .known = { { .has_file = true,
		       .interface = "ppp0",
		       .note = { .name = "line", .word = "my-phone" } } },
	  .word = { "my-phone", "ppp5", "", true } },
	{ .title = "a down after the kernel has taken it down already",
	  .known = { { .note = { .name = "my-phone",
				 .interface = "wwan0",
				 .word = "my-phone" } } },
	  .word = { "wwan0", "wwan0", "", false },
	  .meant = "my-phone" },
	{ .title = "two files at one interface: the one that is called so",
	  .known = { FILE_OF("home", "wlan0"), FILE_OF("office", "wlan0") },
	  .word = { "office", "wlan0", "", true },
	  .meant = "office" },
	{ .title = "else the one that is being called",
	  .known = { FILE_OF("a", "ppp0"),
		     { .has_file = true,
		       .is_called = true,
		       .interface = "ppp0",
		       .note = { .name = "b" } } },
	  .word = { "ppp0", "ppp0", "", true },
	  .meant = "b" },
	{ .title = "else the one that is up",
	  .known = { FILE_OF("a", "ppp0"),
		     { .has_file = true,
		       .interface = "ppp0",
		       .note = { .name = "b", .up = true } } },
	  .word = { "ppp0", "ppp0", "", true },
	  .meant = "b" },
	{ .title = "else the one that was up last, also when the kernel speaks",
	  .known = { { .has_file = true,
		       .interface = "ppp0",
		       .note = { .name = "a", .since = 1000 } },
		     { .has_file = true,
		       .interface = "ppp0",
		       .note = { .name = "b", .since = 2000 } } },
	  .word = { "", "ppp0", "", true },
	  .meant = "b" },
	{ .title = "else the first",
	  .known = { FILE_OF("a", "ppp0"), FILE_OF("b", "ppp0") },
	  .word = { "ppp0", "ppp0", "", true },
	  .meant = "a" },
	{ .title = "the kernel speaks of an interface that is nobody's",
	  .known = { FILE_OF("line", "ppp0") },
	  .word = { "", "eth9", "", true } },
};

static void identify(void **state)
{
	size_t i = (uintptr_t)*state;
	struct link_entry list[KNOWN];
	struct link_entries entries = { .list = list };
	const struct link_entry *meant;

	memcpy(list, rows[i].known, sizeof(list));
	while (entries.count < KNOWN && list[entries.count].note.name[0])
		entries.count++;
	meant = link_identify(&entries, &rows[i].word);
	if (rows[i].meant) {
		assert_non_null(meant);
		assert_string_equal(meant->note.name, rows[i].meant);
	} else {
		assert_null(meant);
	}
}

static void one_up_is_one_link(void **state)
{
	const struct link_entry at_wlan0 = UP_AT("home", "wlan0", "home");
	struct link_entry by_file = FILE_OF("home", "wlan0");

	(void)state;
	assert_true(link_entry_yields(&at_wlan0, "office", "wlan0"));
	assert_false(link_entry_yields(&at_wlan0, "office", "wlan1"));
	assert_false(link_entry_yields(&at_wlan0, "home", "wlan0"));
	assert_false(link_entry_yields(&at_wlan0, "office", ""));
	assert_false(link_entry_yields(&by_file, "office", "wlan0"));
	by_file.note.up = true;
	assert_true(link_entry_yields(&by_file, "office", "wlan0"));
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = identify;
		tests[i].initial_state = (void *)(uintptr_t)i;
	}
	tests[LENGTH(rows)] = (struct CMUnitTest)cmocka_unit_test(one_up_is_one_link);
	return cmocka_run_group_tests_name("which link is meant", tests, NULL, NULL);
}
