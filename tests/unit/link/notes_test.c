#include "../folder.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "link/notes.h"

static char folder[TEST_FOLDER_MAX];
static int root_fd;

static int make_root(void **state)
{
	static const char *const folders[] = { "spool", "spool/state", "control",
					       "control/links" };

	(void)state;
	root_fd = test_folder_make(folder);
	test_folder_add(root_fd, folders);
	return 0;
}

static int remove_root(void **state)
{
	(void)state;
	close(root_fd);
	return test_folder_remove(folder);
}

static void put(const char *path, const char *text)
{
	struct err err;

	assert_true(file_replace(root_fd, path, text, strlen(text), 0600, &err));
}

static void what_is_noted_is_read_again(void **state)
{
	struct smarthost_note note = { .filled = true,
				       .last_error = "two\nlines",
				       .last_try = 12,
				       .routed_by = UINT64_MAX,
				       .rtt_us = 7 };
	struct smarthost_note read;
	struct err err;

	(void)state;
	assert_true(smarthost_note_write(root_fd, "isp", &note, &err));
	smarthost_note_read(root_fd, "isp", &read);
	assert_true(read.filled);
	assert_string_equal(read.last_error, "two lines");
	assert_int_equal(read.last_try, 12);
	assert_true(read.routed_by == UINT64_MAX);
	assert_int_equal(read.rtt_us, 7);
}

static void a_missing_or_torn_note_is_a_lost_hint(void **state)
{
	struct smarthost_note note;

	(void)state;
	smarthost_note_read(root_fd, "isp", &note);
	assert_false(note.filled);
	assert_int_equal(mkdirat(root_fd, "spool/state/smarthosts", 0700), 0);
	put("spool/state/smarthosts/isp", "filled\nlast_try=x\n=\nrtt_us=9");
	smarthost_note_read(root_fd, "isp", &note);
	assert_int_equal(note.last_try, 0);
	assert_int_equal(note.rtt_us, 9);
}

static struct link_note link_of(const char *name)
{
	struct link_note note = { .up = true, .since = 5 };

	snprintf(note.name, sizeof(note.name), "%s", name);
	clock_boot_id(note.boot_id);
	return note;
}

static void a_link_is_up_only_under_the_boot_that_saw_it(void **state)
{
	struct link_note note = link_of("ppp0"), read;
	struct err err;

	(void)state;
	assert_true(link_note_write(root_fd, &note, &err));
	link_note_read(root_fd, "ppp0", &read);
	assert_true(read.up);
	snprintf(note.boot_id, sizeof(note.boot_id), "another");
	assert_true(link_note_write(root_fd, &note, &err));
	link_note_read(root_fd, "ppp0", &read);
	assert_false(read.up);
	assert_int_equal(read.since, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_noted_is_read_again, make_root,
						remove_root),
		cmocka_unit_test_setup_teardown(a_missing_or_torn_note_is_a_lost_hint,
						make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			a_link_is_up_only_under_the_boot_that_saw_it, make_root,
			remove_root),
	};

	return cmocka_run_group_tests_name("notes", tests, NULL, NULL);
}
