#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static void past_its_ceiling_a_buf_stays_as_it_was(void **state)
{
	AUTO_BUF buf = BUF_INIT(5);

	(void)state;
	assert_true(buf_append_text(&buf, "abc"));
	assert_false(buf_append_text(&buf, "def"));
	assert_false(buf_appendf(&buf, "%d", 456));
	assert_null(buf_reserve(&buf, 3));
	assert_null(buf_reserve(&buf, SIZE_MAX));
	assert_string_equal(buf.data, "abc");
	assert_true(buf_append_text(&buf, "de"));
	assert_false(buf_append_byte(&buf, 'f'));
	assert_string_equal(buf.data, "abcde");
}

static void an_empty_buf_is_an_empty_string(void **state)
{
	AUTO_BUF buf = BUF_INIT(10);
	char *taken;

	(void)state;
	assert_string_equal(buf.data, "");
	buf_consume(&buf, 0);
	buf_reset(&buf);
	buf_clear(&buf);
	assert_string_equal(buf.data, "");
	taken = buf_take(&buf);
	assert_string_equal(taken, "");
	free(taken);
}

static void nuls_are_bytes_like_others(void **state)
{
	AUTO_BUF buf = BUF_INIT(100);

	(void)state;
	assert_true(buf_append(&buf, "a\0b", 3));
	assert_true(buf_append_span(&buf, (struct span){ "\0c", 2 }));
	assert_int_equal(buf.len, 5);
	assert_memory_equal(buf.data, "a\0b\0c", 6);
}

static void consuming_moves_the_rest_to_the_front(void **state)
{
	AUTO_BUF buf = BUF_INIT(100);

	(void)state;
	assert_true(buf_append_text(&buf, "one\ntwo\n"));
	buf_consume(&buf, 4);
	assert_string_equal(buf.data, "two\n");
	buf_consume(&buf, 4);
	assert_int_equal(buf.len, 0);
	assert_string_equal(buf.data, "");
	assert_true(buf_append_text(&buf, "three"));
	assert_string_equal(buf.data, "three");
}

static void reserved_room_counts_when_it_is_written(void **state)
{
	AUTO_BUF buf = BUF_INIT(100);
	char *room;

	(void)state;
	room = buf_reserve(&buf, 50);
	room[0] = 'x';
	room[1] = 'y';
	room[2] = 'z';
	assert_int_equal(buf.len, 0);
	buf_wrote(&buf, 3);
	assert_string_equal(buf.data, "xyz");
}

static void it_grows_to_a_large_ceiling_byte_by_byte(void **state)
{
	AUTO_BUF buf = BUF_INIT(1000000);

	(void)state;
	for (int i = 0; i < 1000000; i++)
		assert_true(buf_append_byte(&buf, (char)i));
	assert_false(buf_append_byte(&buf, 'x'));
	for (int i = 0; i < 1000000; i += 997)
		assert_int_equal(buf.data[i], (char)i);
	assert_int_equal(buf.data[1000000], 0);
}

static void what_is_taken_is_the_callers(void **state)
{
	AUTO_BUF buf = BUF_INIT(20);
	char *taken;

	(void)state;
	assert_true(buf_appendf(&buf, "%s-%d", "a", 7));
	taken = buf_take(&buf);
	assert_string_equal(taken, "a-7");
	assert_int_equal(buf.len, 0);
	assert_int_equal(buf.max, 20);
	assert_true(buf_append_text(&buf, "again"));
	assert_string_equal(taken, "a-7");
	free(taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(past_its_ceiling_a_buf_stays_as_it_was),
		cmocka_unit_test(an_empty_buf_is_an_empty_string),
		cmocka_unit_test(nuls_are_bytes_like_others),
		cmocka_unit_test(consuming_moves_the_rest_to_the_front),
		cmocka_unit_test(reserved_room_counts_when_it_is_written),
		cmocka_unit_test(it_grows_to_a_large_ceiling_byte_by_byte),
		cmocka_unit_test(what_is_taken_is_the_callers),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
