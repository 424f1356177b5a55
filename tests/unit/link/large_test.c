#include "../folder.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "link/large.h"

static char folder[TEST_FOLDER_MAX];
static int root_fd;

static int make_root(void **state)
{
	static const char *const folders[] = { "spool", "spool/pickup" };

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

static struct large make(const char *pickup, const char *digest, int64_t since)
{
	struct large large = { .octets = 12345678, .since = since };
	struct err err;

	large_id(digest, large.id);
	snprintf(large.pickup, sizeof(large.pickup), "%s", pickup);
	snprintf(large.recipient, sizeof(large.recipient), "ann");
	snprintf(large.subject, sizeof(large.subject), "the\nplans");
	assert_true(large_new_token(large.token, &err));
	assert_true(large_write(root_fd, &large, &err));
	return large;
}

static void what_waits_there_is_known_by_its_id(void **state)
{
	struct large made = make("isp", "0123456789abcdef", 7), read;

	(void)state;
	assert_string_equal(made.id, "p0123456789ab");
	assert_true(large_read(root_fd, made.id, &read));
	assert_string_equal(read.pickup, "isp");
	assert_string_equal(read.token, made.token);
	assert_string_equal(read.subject, "the plans");
	assert_int_equal(read.octets, 12345678);
	assert_int_equal(read.wish, LARGE_WAIT);
	assert_false(large_read(root_fd, "p0123456789ac", &read));
	assert_false(large_read(root_fd, "../../control", &read));
}

static void the_last_wish_counts_and_goes_with_its_message(void **state)
{
	struct large made = make("isp", "0123456789abcdef", 7), read;
	struct err err;

	(void)state;
	assert_true(large_set_wish(root_fd, made.id, LARGE_DROP, &err));
	assert_true(large_set_wish(root_fd, made.id, LARGE_FETCH, &err));
	assert_true(large_read(root_fd, made.id, &read));
	assert_int_equal(read.wish, LARGE_FETCH);
	assert_true(large_set_wish(root_fd, made.id, LARGE_WAIT, &err));
	assert_true(large_read(root_fd, made.id, &read));
	assert_int_equal(read.wish, LARGE_WAIT);
	assert_true(large_set_wish(root_fd, made.id, LARGE_FETCH, &err));
	large_remove(root_fd, made.id);
	assert_false(large_set_wish(root_fd, made.id, LARGE_FETCH, &err));
	assert_int_equal(err.exit_code, EX_NOINPUT);
	make("isp", "0123456789abcdef", 8);
	assert_true(large_read(root_fd, made.id, &read));
	assert_int_equal(read.wish, LARGE_WAIT);
}

static void a_pickup_has_its_own_the_oldest_first(void **state)
{
	struct large *larges;
	struct err err;
	size_t count;

	(void)state;
	assert_true(large_list(root_fd, NULL, &larges, &count, &err));
	assert_int_equal(count, 0);
	make("isp", "aaaaaaaaaaaa", 30);
	make("other", "bbbbbbbbbbbb", 20);
	make("isp", "cccccccccccc", 10);
	assert_true(large_list(root_fd, "isp", &larges, &count, &err));
	assert_int_equal(count, 2);
	assert_string_equal(larges[0].id, "pcccccccccccc");
	assert_string_equal(larges[1].id, "paaaaaaaaaaaa");
	free(larges);
	assert_true(large_list(root_fd, NULL, &larges, &count, &err));
	assert_int_equal(count, 3);
	free(larges);
}

static void an_address_to_ask_at_is_read_as_it_was_written(void **state)
{
	static const char *const others[] = {
		"fetch-p0123456789ab",
		"fetch-p0123456789ab-0123456789abcdef0123456",
		"fetch-p0123456789ab-0123456789abcdef012345678",
		"fetch-p0123456789ab-0123456789abcdef0123456g",
		"fetch-q0123456789ab-0123456789abcdef01234567",
		"fetch_p0123456789ab-0123456789abcdef01234567",
		"",
	};
	struct large made = make("isp", "0123456789abcdef", 7);
	char local[LARGE_LOCAL_MAX], id[LARGE_ID_MAX], token[LARGE_TOKEN_MAX];

	(void)state;
	large_local_part(&made, local);
	local[0] = 'F';
	assert_true(large_local_part_parse(span_of(local), id, token));
	assert_string_equal(id, made.id);
	assert_string_equal(token, made.token);
	for (size_t i = 0; i < LENGTH(others); i++)
		assert_false(large_local_part_parse(span_of(others[i]), id, token));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_waits_there_is_known_by_its_id,
						make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			the_last_wish_counts_and_goes_with_its_message, make_root,
			remove_root),
		cmocka_unit_test_setup_teardown(a_pickup_has_its_own_the_oldest_first,
						make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			an_address_to_ask_at_is_read_as_it_was_written, make_root,
			remove_root),
	};

	return cmocka_run_group_tests_name("large", tests, NULL, NULL);
}
