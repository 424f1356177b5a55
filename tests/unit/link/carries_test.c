/* What a call carries, by the calls before it: rows of calls, and a message of 1 MB. */
#include "link/carries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../folder.h"
#include "base/attr.h"
#include "base/limit.h"

#define LETTER UINT64_C(1000000)
#define RATE   UINT64_C(8000) /* 64 kbit/s */
#define NOW    INT64_C(1000000)

static const struct {
	const char *title;
	struct carries_call calls[8]; /* since 0: no more */
	struct carries_now now;
	bool fits; /* the letter does */
	uint64_t least, most;
	uint64_t stood_s;
} rows[] = {
	{ .title = "of an unknown line nothing is known",
	  .now = { .now = NOW },
	  .fits = true,
	  .least = LIMIT_NONE,
	  .most = LIMIT_NONE },
	{ .title = "a minute of 64 kbit/s is too short, after one try",
	  .calls = { { 100, 60, RATE } },
	  .now = { .now = NOW },
	  .least = 370000,
	  .most = 400000,
	  .stood_s = 60 },
	{ .title = "three minutes of it are enough",
	  .calls = { { 100, 180, RATE } },
	  .now = { .now = NOW },
	  .fits = true,
	  .least = 1000000,
	  .most = 1300000,
	  .stood_s = 180 },
	{ .title = "calls in which all was sent speak against nothing",
	  .calls = { { 100, 5, 0 }, { 200, 9, 0 } },
	  .now = { .now = NOW },
	  .fits = true,
	  .least = LIMIT_NONE,
	  .most = LIMIT_NONE,
	  .stood_s = 9 },
	{ .title = "they do not make a cut forgotten either",
	  .calls = { { 100, 60, RATE },
		     { 200, 5, 0 },
		     { 300, 6, 0 },
		     { 400, 4, 0 },
		     { 500, 8, 0 },
		     { 600, 7, 0 } },
	  .now = { .now = NOW },
	  .least = 370000,
	  .most = 400000,
	  .stood_s = 60 },
	{ .title = "one that stood longer counts though nothing was cut in it",
	  .calls = { { 100, 60, RATE }, { 200, 3600, 0 } },
	  .now = { .now = NOW },
	  .fits = true,
	  .least = 1000000,
	  .most = 30000000,
	  .stood_s = 3600 },
	{ .title = "the call that stands counts as it grows",
	  .calls = { { 100, 60, RATE } },
	  .now = { .now = NOW, .since = NOW - 200 },
	  .fits = true,
	  .least = 1000000,
	  .most = 1400000,
	  .stood_s = 200 },
	{ .title = "while it is younger than the others it changes nothing",
	  .calls = { { 100, 60, RATE } },
	  .now = { .now = NOW, .since = NOW - 3 },
	  .least = 370000,
	  .most = 400000,
	  .stood_s = 60 },
	{ .title = "what was cut in a call that still stands was not cut by its end",
	  .calls = { { 100, 60, RATE } },
	  .now = { .now = 170, .since = 100 },
	  .fits = true,
	  .least = LIMIT_NONE,
	  .most = LIMIT_NONE,
	  .stood_s = 60 },
	{ .title = "a later flush of the same call knows better",
	  .calls = { { 100, 60, RATE }, { 100, 90, 0 } },
	  .now = { .now = NOW },
	  .fits = true,
	  .least = LIMIT_NONE,
	  .most = LIMIT_NONE,
	  .stood_s = 90 },
	{ .title = "a line that has become bad is known after four calls",
	  .calls = { { 100, 9000, 0 },
		     { 200, 60, RATE },
		     { 300, 59, RATE },
		     { 400, 61, RATE },
		     { 500, 60, RATE } },
	  .now = { .now = NOW },
	  .least = 370000,
	  .most = 410000,
	  .stood_s = 61 },
	{ .title = "small mail is always tried",
	  .calls = { { 100, 3, 30 } },
	  .now = { .now = NOW },
	  .least = 16384,
	  .most = 16384,
	  .stood_s = 3 },
	{ .title = "a clock that was set back makes no call older",
	  .calls = { { 100, 60, RATE } },
	  .now = { .now = NOW, .since = NOW + 500 },
	  .least = 370000,
	  .most = 400000,
	  .stood_s = 60 },
};

static struct carries take_all(const struct carries_call *calls)
{
	struct carries carries = { .count = 0 };

	for (size_t i = 0; i < 8 && calls[i].since; i++)
		carries_take(&carries, &calls[i]);
	return carries;
}

static void check(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct carries carries = take_all(rows[row].calls);
	struct carries_limit limit = carries_limit(&carries, &rows[row].now);

	assert_in_range(limit.largest, rows[row].least, rows[row].most);
	assert_int_equal(limit.largest >= LETTER, rows[row].fits);
	assert_int_equal(limit.stood_s, rows[row].stood_s);
}

static void the_time_a_message_needs_is_told(void **state)
{
	struct carries_limit limit = { .bytes_per_s = RATE };

	(void)state;
	assert_in_range(carries_needs_s(&limit, LETTER), 125, 140);
	limit.bytes_per_s = 0;
	assert_true(carries_needs_s(&limit, LETTER) > LETTER);
}

static void what_is_written_is_read_again(void **state)
{
	static const char *const folders[] = { "spool", "spool/state" };
	static const struct carries_call calls[8] = { { 100, 60, RATE }, { 200, 90, 0 } };
	struct carries carries = take_all(calls), read;
	char folder[TEST_FOLDER_MAX];
	int root_fd = test_folder_make(folder);
	struct err err;

	(void)state;
	test_folder_add(root_fd, folders);
	carries_read(root_fd, "line", "isp", &read);
	assert_int_equal(read.count, 0);
	assert_true(carries_write(root_fd, "line", "isp", &carries, &err));
	carries_read(root_fd, "line", "isp", &read);
	assert_int_equal(read.count, 2);
	assert_memory_equal(read.calls, carries.calls, 2 * sizeof(read.calls[0]));
	carries_read(root_fd, "other", "isp", &read);
	assert_int_equal(read.count, 0);
	close(root_fd);
	test_folder_remove(folder);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 2] = {
		cmocka_unit_test(the_time_a_message_needs_is_told),
		cmocka_unit_test(what_is_written_is_read_again),
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i + 2].name = rows[i].title;
		tests[i + 2].test_func = check;
		tests[i + 2].initial_state = (void *)(uintptr_t)i;
	}
	return cmocka_run_group_tests_name("carries", tests, NULL, NULL);
}
