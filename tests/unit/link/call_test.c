/* One call of a link at a time, and what one leaves whose process was killed. */
#include "../folder.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "link/call.h"

static char folder[TEST_FOLDER_MAX];
static int root_fd;

static int make_root(void **state)
{
	static const char *const folders[] = { "run", "spool", "spool/state" };

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

static int take(void)
{
	struct err err;
	int fd = link_call_take(root_fd, "line", &err);

	if (fd < 0)
		fail_msg("%s", err.text);
	return fd;
}

static void one_call_at_a_time(void **state)
{
	struct err err;
	int fd;

	(void)state;
	assert_false(link_is_called(root_fd, "line"));
	fd = take();
	assert_true(link_is_called(root_fd, "line"));
	assert_false(link_is_called(root_fd, "other"));
	assert_int_equal(link_call_take(root_fd, "line", &err), -1);
	assert_int_equal(err.exit_code, EX_TEMPFAIL);
	file_close(&fd);
	assert_false(link_is_called(root_fd, "line"));
}

static void a_call_that_was_not_hung_up_is_known_as_such(void **state)
{
	struct err err;
	int fd = take();

	(void)state;
	assert_false(link_call_is_marked(fd));
	assert_true(link_call_mark(fd, true, &err));
	assert_true(link_call_is_marked(fd));
	assert_false(link_call_was_left(root_fd, "line"));
	file_close(&fd); /* as when it is killed */
	assert_true(link_call_was_left(root_fd, "line"));
	fd = take();
	assert_true(link_call_is_marked(fd));
	assert_true(link_call_mark(fd, false, &err));
	file_close(&fd);
	assert_false(link_call_was_left(root_fd, "line"));
}

static void what_another_boot_left_is_over(void **state)
{
	static const char other[] = "00000000-0000-0000-0000-000000000000";
	struct err err;
	int fd = take();

	(void)state;
	assert_true(link_call_mark(fd, true, &err));
	assert_int_equal(pwrite(fd, other, strlen(other), 0), strlen(other));
	assert_false(link_call_is_marked(fd));
	file_close(&fd);
	assert_false(link_call_was_left(root_fd, "line"));
}

static void what_is_noted_of_calls_is_read_again(void **state)
{
	struct call_note note = { .last = 5,
				  .ended = 7,
				  .failures = 2,
				  .last_error = "busy",
				  .next = 99,
				  .why = "daily 07:00" };
	struct call_note read;
	struct err err;

	(void)state;
	call_note_read(root_fd, "line", &read);
	assert_int_equal(read.last, 0);
	assert_true(call_note_write(root_fd, "line", &note, &err));
	call_note_read(root_fd, "line", &read);
	assert_int_equal(read.last, 5);
	assert_int_equal(read.ended, 7);
	assert_int_equal(read.failures, 2);
	assert_string_equal(read.last_error, "busy");
	assert_int_equal(read.next, 99);
	assert_string_equal(read.why, "daily 07:00");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_call_at_a_time),
		cmocka_unit_test(a_call_that_was_not_hung_up_is_known_as_such),
		cmocka_unit_test(what_another_boot_left_is_over),
		cmocka_unit_test(what_is_noted_of_calls_is_read_again),
	};

	return cmocka_run_group_tests_name("calls", tests, make_root, remove_root);
}
