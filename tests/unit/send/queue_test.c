#include "send/queue.h"

#include "../folder.h"

#include <string.h>
#include <unistd.h>

#define NOW   1700000000
#define CROWD 1500

static int root_fd = -1;
static char root_path[TEST_FOLDER_MAX];
static struct queue queue;

static int set_up(void **state)
{
	static const char *const folders[] = { "spool", "spool/parked", "run" };
	struct err err = { 0 };

	(void)state;
	root_fd = test_folder_make(root_path);
	test_folder_add(root_fd, folders);
	queue = (struct queue){ .parked = parked_open(root_fd, "isp", true, &err) };
	assert_non_null(queue.parked);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	queue_clear(&queue);
	parked_close(queue.parked);
	close(root_fd);
	return test_folder_remove(root_path);
}

/* A file of this name in the Maildir: "new/...", "cur/...:2,s". */
static void put(const char *name)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "spool/parked/isp/%s", name);
	fd = openat(root_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void put_many(unsigned count)
{
	char name[80];

	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "new/%d.M%06u.gw,S=200,W=100", NOW - 5, i);
		put(name);
	}
}

static void put_message(unsigned number, unsigned wire_bytes)
{
	char name[80];

	snprintf(name, sizeof(name), "new/%d.M%06u.gw,S=%u,W=%u", NOW - 5, number,
		 wire_bytes + 100, wire_bytes);
	put(name);
}

struct count {
	enum parked_state state;
	size_t count;
	int64_t not_before; /* of the last one */
};

static bool count_one(void *ctx, const struct parked_name *name)
{
	struct count *count = ctx;

	if (name->state == count->state) {
		count->count++;
		count->not_before = name->not_before;
	}
	return true;
}

/* How many files are in this state on the disk. */
static size_t on_disk(enum parked_state state, int64_t *not_before_out)
{
	struct count count = { .state = state };
	struct err err = { 0 };

	assert_true(parked_each(queue.parked, count_one, &count, &err));
	if (not_before_out)
		*not_before_out = count.not_before;
	return count.count;
}

static const struct order_rules usual = { .now = NOW,
					  .call_began = NOW - 1,
					  .uncertainwait_s = 600,
					  .limits = { .room = UINT64_MAX } };

static bool is_nothing_busy(void *ctx, const char *id)
{
	(void)ctx, (void)id;
	return false;
}

static bool is_this_busy(void *ctx, const char *id)
{
	return strncmp(id, ctx, strlen(ctx)) == 0;
}

static void load(const struct order_rules *rules)
{
	struct err err = { 0 };

	assert_true(queue_load(&queue, rules, is_nothing_busy, NULL, &err));
}

static struct parked_name take(size_t ahead)
{
	struct parked_name name;
	struct err err = { 0 };

	assert_true(queue_take(&queue, ahead, &name, &err));
	return name;
}

static void the_smallest_is_next_and_peeking_takes_nothing(void **state)
{
	(void)state;
	put_message(1, 3000);
	put_message(2, 1000);
	put_message(3, 2000);
	load(&usual);
	assert_int_equal(queue_left(&queue), 3);
	assert_int_equal(queue.left_bytes, 6000);
	assert_int_equal(queue_peek(&queue)->wire_bytes, 1000);
	assert_int_equal(queue_left(&queue), 3);
	assert_int_equal(take(1).wire_bytes, 1000);
	assert_int_equal(take(1).wire_bytes, 2000);
	assert_int_equal(queue_left(&queue), 1);
	assert_int_equal(queue.left_bytes, 3000);
}

static void what_is_taken_is_marked_on_disk_with_those_behind_it(void **state)
{
	(void)state;
	put_many(10);
	load(&usual);
	assert_int_equal(take(4).state, PARKED_SENDING);
	assert_int_equal(on_disk(PARKED_SENDING, NULL), 4);
	assert_int_equal(queue.unsynced, 0);
	/* The next three are marked already. */
	for (int i = 0; i < 3; i++)
		(void)take(4);
	assert_int_equal(on_disk(PARKED_SENDING, NULL), 4);
	(void)take(4);
	assert_int_equal(on_disk(PARKED_SENDING, NULL), 8);
	assert_int_equal(queue_left(&queue), 5);
}

static void a_batch_is_never_larger_than_its_room(void **state)
{
	(void)state;
	put_many(QUEUE_BATCH_MAX + 8);
	load(&usual);
	(void)take(SIZE_MAX);
	assert_int_equal(on_disk(PARKED_SENDING, NULL), QUEUE_BATCH_MAX);
}

static void what_was_marked_and_not_taken_is_given_back(void **state)
{
	struct err err = { 0 };
	struct parked_name taken;

	(void)state;
	put_many(10);
	load(&usual);
	taken = take(6);
	assert_false(queue_has_marked(&queue, taken.id));
	assert_true(queue_has_marked(&queue, queue_peek(&queue)->id));
	assert_true(queue_give_back(&queue, &err));
	assert_int_equal(on_disk(PARKED_SENDING, NULL), 1);
	assert_int_equal(on_disk(PARKED_WAITING, NULL), 9);
}

static void one_that_is_passed_over_waits_again(void **state)
{
	struct err err = { 0 };

	(void)state;
	put_many(5);
	load(&usual);
	(void)take(3);
	/* Once out of the batch, once out of the list. */
	assert_true(queue_pass(&queue, &err));
	assert_int_equal(on_disk(PARKED_SENDING, NULL), 2);
	(void)take(1);
	assert_true(queue_pass(&queue, &err));
	assert_int_equal(on_disk(PARKED_SENDING, NULL), 2);
	assert_int_equal(queue.kept, 2);
	assert_int_equal(queue_left(&queue), 1);
	assert_int_equal(queue.left_bytes, 100);
}

static void one_that_is_gone_is_left_out(void **state)
{
	(void)state;
	put_many(3);
	load(&usual);
	assert_int_equal(
		unlinkat(root_fd,
			 "spool/parked/isp/new/1699999995.M000000.gw,S=200,W=100", 0),
		0);
	assert_string_equal(take(3).id, "1699999995.M000001.gw");
	(void)take(3);
	assert_int_equal(queue_left(&queue), 0);
	assert_int_equal(queue.left_bytes, 0);
}

static void all_of_a_batch_may_be_gone(void **state)
{
	struct parked_name name;
	struct err err = { 0 };

	(void)state;
	put_many(1);
	load(&usual);
	assert_int_equal(
		unlinkat(root_fd,
			 "spool/parked/isp/new/1699999995.M000000.gw,S=200,W=100", 0),
		0);
	assert_false(queue_take(&queue, 1, &name, &err));
	assert_int_equal(err.exit_code, EX_NOINPUT);
}

static void what_a_crash_left_as_being_sent_is_uncertain(void **state)
{
	int64_t not_before;

	(void)state;
	put("cur/1699999990.M1.gw,S=200,W=100:2,s");
	put_many(2);
	load(&usual);
	assert_int_equal(queue_left(&queue), 2);
	assert_int_equal(on_disk(PARKED_SENDING, NULL), 0);
	assert_int_equal(on_disk(PARKED_UNCERTAIN, &not_before), 1);
	assert_int_equal(not_before, NOW + 600);
	/* What this run itself is sending is not a crash's. */
	(void)take(2);
	queue.batch_next = queue.batch_count;
	load(&usual);
	assert_int_equal(on_disk(PARKED_UNCERTAIN, NULL), 1);
	assert_int_equal(on_disk(PARKED_SENDING, NULL), 2);
}

static void what_is_at_work_is_not_listed(void **state)
{
	char busy[] = "1699999995.M000001";
	struct err err = { 0 };

	(void)state;
	put_many(3);
	assert_true(queue_load(&queue, &usual, is_this_busy, busy, &err));
	assert_int_equal(queue_left(&queue), 2);
}

static void a_new_listing_keeps_the_batch(void **state)
{
	(void)state;
	put_many(6);
	load(&usual);
	(void)take(4);
	load(&usual);
	/* Three are marked, two are listed; the one that was taken is neither. */
	assert_int_equal(queue_left(&queue), 5);
	assert_int_equal(queue.left_bytes, 500);
	assert_int_equal(queue.batch_count - queue.batch_next, 3);
}

static void of_very_many_the_first_listing_is_partial(void **state)
{
	(void)state;
	put_many(CROWD);
	put("cur/1699999990.M1.gw,S=200,W=100:2,s");
	load(&usual);
	assert_true(queue.partial);
	assert_true(queue_left(&queue) < CROWD);
	/* Not all was seen, so nothing is taken for a crash's yet. */
	assert_false(queue.recovered);
	while (queue.next < queue.list.count)
		(void)take(QUEUE_BATCH_MAX);
	while (queue.batch_next < queue.batch_count)
		(void)take(QUEUE_BATCH_MAX);
	assert_true(queue_is_short(&queue));
	load(&usual);
	assert_false(queue.partial);
	assert_true(queue.recovered);
}

static void limits_of_the_link_keep_what_does_not_fit(void **state)
{
	struct order_rules rules = usual;
	struct err err = { 0 };
	bool is_any;

	(void)state;
	rules.limits.maxsize = 1500;
	put_message(1, 3000);
	assert_true(queue_has_any(&queue, &rules, &is_any, &err));
	assert_false(is_any);
	put_message(2, 1000);
	assert_true(queue_has_any(&queue, &rules, &is_any, &err));
	assert_true(is_any);
	load(&rules);
	assert_int_equal(queue_left(&queue), 1);
	assert_int_equal(queue.kept, 1);
}

static void every_32_removals_are_made_durable(void **state)
{
	struct parked_name names[QUEUE_BATCH_MAX + 1];
	struct err err = { 0 };

	(void)state;
	put_many(LENGTH(names));
	load(&usual);
	for (size_t i = 0; i < LENGTH(names); i++)
		names[i] = take(LENGTH(names));
	for (size_t i = 0; i < LENGTH(names); i++) {
		assert_true(queue_remove(&queue, &names[i], &err));
		assert_int_equal(queue.unsynced, (i + 1) % 32);
	}
	assert_true(queue_sync(&queue, &err));
	assert_int_equal(queue.unsynced, 0);
	assert_int_equal(on_disk(PARKED_SENDING, NULL), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_smallest_is_next_and_peeking_takes_nothing),
		TEST(what_is_taken_is_marked_on_disk_with_those_behind_it),
		TEST(a_batch_is_never_larger_than_its_room),
		TEST(what_was_marked_and_not_taken_is_given_back),
		TEST(one_that_is_passed_over_waits_again),
		TEST(one_that_is_gone_is_left_out),
		TEST(all_of_a_batch_may_be_gone),
		TEST(what_a_crash_left_as_being_sent_is_uncertain),
		TEST(what_is_at_work_is_not_listed),
		TEST(a_new_listing_keeps_the_batch),
		TEST(of_very_many_the_first_listing_is_partial),
		TEST(limits_of_the_link_keep_what_does_not_fit),
		TEST(every_32_removals_are_made_durable),
	};

	return cmocka_run_group_tests_name("which message goes next", tests, NULL, NULL);
}
