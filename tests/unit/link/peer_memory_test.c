#include "../folder.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "link/peer_memory.h"

#define NOW INT64_C(1795611900)

static char folder[TEST_FOLDER_MAX];
static int root_fd;

static int make_root(void **state)
{
	static const char *const folders[] = { "spool", "spool/state" };

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

static void remember(const char *host, int64_t at)
{
	const struct timespec times[] = { { .tv_sec = at }, { .tv_sec = at } };
	const struct peer_memory memory = { .per_connection = 10, .limits_until = at };
	char path[100];
	struct err err;

	assert_true(peer_memory_write(root_fd, "direct", host, &memory, &err));
	snprintf(path, sizeof(path), "spool/state/peers/direct%s%s", host ? "@" : "",
		 host ? host : "");
	assert_int_equal(utimensat(root_fd, path, times, 0), 0);
}

static bool is_remembered(const char *host)
{
	struct peer_memory memory;

	peer_memory_read(root_fd, "direct", host, &memory);
	return memory.per_connection == 10;
}

static void only_mail_hosts_of_long_ago_are_forgotten(void **state)
{
	(void)state;
	remember(NULL, NOW - 2 * PEER_MEMORY_S);
	remember("old.example", NOW - PEER_MEMORY_S);
	remember("new.example", NOW - PEER_MEMORY_S + 1);
	peer_memory_forget_old(root_fd, "direct", NOW);
	assert_true(is_remembered(NULL));
	assert_false(is_remembered("old.example"));
	assert_true(is_remembered("new.example"));
}

static void a_host_that_is_no_file_name_is_not_remembered(void **state)
{
	const struct peer_memory memory = { .per_connection = 10 };
	char longest[256];
	struct err err;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_true(peer_memory_write(root_fd, "direct", longest, &memory, &err));
	assert_false(is_remembered(longest));
	assert_true(peer_memory_write(root_fd, "direct", "../x", &memory, &err));
	assert_false(is_remembered("../x"));
}

static void nothing_is_forgotten_of_a_root_that_remembers_nothing(void **state)
{
	(void)state;
	peer_memory_forget_old(root_fd, "direct", NOW);
}

#define IN_A_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_ROOT(only_mail_hosts_of_long_ago_are_forgotten),
		IN_A_ROOT(a_host_that_is_no_file_name_is_not_remembered),
		IN_A_ROOT(nothing_is_forgotten_of_a_root_that_remembers_nothing),
	};

	return cmocka_run_group_tests_name("what is known of servers", tests, NULL, NULL);
}
