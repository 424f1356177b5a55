#include "../folder.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "control/settings_watch.h"

static char folder[TEST_FOLDER_MAX];
static int folder_fd;
static struct settings_watch watch;

static int watch_a_folder(void **state)
{
	(void)state;
	folder_fd = test_folder_make(folder);
	settings_watch_open(&watch, folder_fd);
	assert_true(watch.fd >= 0);
	return 0;
}

static int forget_the_folder(void **state)
{
	(void)state;
	settings_watch_close(&watch);
	close(folder_fd);
	test_folder_remove(folder);
	return 0;
}

static void the_first_look_is_always_taken(void **state)
{
	(void)state;
	assert_false(settings_watch_is_quiet(&watch));
}

static void where_nothing_changes_nothing_is_looked_at(void **state)
{
	(void)state;
	assert_false(settings_watch_is_quiet(&watch));
	assert_true(settings_watch_is_quiet(&watch));
	assert_true(settings_watch_is_quiet(&watch));
}

static void a_change_is_seen_at_once(void **state)
{
	struct err err;

	(void)state;
	assert_false(settings_watch_is_quiet(&watch));
	assert_true(file_replace(folder_fd, "locals", "a.example\n", 10, 0600, &err));
	assert_false(settings_watch_is_quiet(&watch));
	assert_true(settings_watch_is_quiet(&watch));
	assert_int_equal(unlinkat(folder_fd, "locals", 0), 0);
	assert_false(settings_watch_is_quiet(&watch));
}

static void without_the_kernels_help_all_is_looked_at(void **state)
{
	struct settings_watch none = { .fd = -1 };

	(void)state;
	assert_false(settings_watch_is_quiet(&none));
	assert_false(settings_watch_is_quiet(&none));
}

#define PROMISE(name) \
	cmocka_unit_test_setup_teardown(name, watch_a_folder, forget_the_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROMISE(the_first_look_is_always_taken),
		PROMISE(where_nothing_changes_nothing_is_looked_at),
		PROMISE(a_change_is_seen_at_once),
		cmocka_unit_test(without_the_kernels_help_all_is_looked_at),
	};

	return cmocka_run_group_tests_name("settings watch", tests, NULL, NULL);
}
