#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "store/parked_name.h"

static const struct {
	const char *title;
	const char *path; /* as written; what is read back is the part behind the slash */
	struct parked_name name;
} rows[] = {
	{ "a new message is in new/ and says its sizes",
	  "new/1700000000.M5P6Q7.gw,S=120,W=80,L=9",
	  { .id = "1700000000.M5P6Q7.gw",
	    .disk_bytes = 120,
	    .wire_bytes = 80,
	    .recipients = 1,
	    .link_up_s = 9,
	    .state = PARKED_WAITING } },
	{ "several recipients, tries and the next time stand in the name",
	  "new/1700000000.M5P6Q7.gw,S=120,W=80,R=3,P=2,A=4,N=1700000400",
	  { .id = "1700000000.M5P6Q7.gw",
	    .disk_bytes = 120,
	    .wire_bytes = 80,
	    .recipients = 3,
	    .priority = 2,
	    .attempts = 4,
	    .not_before = 1700000400,
	    .state = PARKED_WAITING } },
	{ "what a person said and what the sender was told stand in the name",
	  "new/1700000000.M5P6Q7.gw,S=120,W=80,P=9,L=3600,F=1,D=1",
	  { .id = "1700000000.M5P6Q7.gw",
	    .disk_bytes = 120,
	    .wire_bytes = 80,
	    .recipients = 1,
	    .priority = 9,
	    .link_up_s = 3600,
	    .freed = true,
	    .told = true,
	    .state = PARKED_WAITING } },
	{ "a held message is in cur/ with its flag",
	  "cur/1700000000.M5P6Q7.gw,S=1,W=2:2,h",
	  { .id = "1700000000.M5P6Q7.gw",
	    .disk_bytes = 1,
	    .wire_bytes = 2,
	    .recipients = 1,
	    .state = PARKED_HELD } },
	{ "an uncertain message is in cur/ with its flag",
	  "cur/1700000000.M5P6Q7.gw,S=1,W=2:2,u",
	  { .id = "1700000000.M5P6Q7.gw",
	    .disk_bytes = 1,
	    .wire_bytes = 2,
	    .recipients = 1,
	    .state = PARKED_UNCERTAIN } },
};

static void a_name_is_written_and_read_back(void **state)
{
	size_t i = (uintptr_t)*state;
	char path[MAILDIR_NAME_MAX];
	struct parked_name read;

	parked_name_format(&rows[i].name, path);
	assert_string_equal(path, rows[i].path);
	assert_true(parked_name_parse(path + 4, &read));
	assert_memory_equal(&read, &rows[i].name, sizeof(read));
	assert_int_equal(parked_name_time(&read), 1700000000);
}

static void serialmails_own_file_has_one_recipient(void **state)
{
	struct parked_name read;

	(void)state;
	assert_true(parked_name_parse("1017100800.123.alpha", &read));
	assert_int_equal(read.recipients, 1);
	assert_int_equal(read.disk_bytes, 0);
	assert_int_equal(read.state, PARKED_WAITING);
}

static void what_is_no_message_is_left_alone(void **state)
{
	static const char *const names[] = { ".",    "..",        ".nfs0001",        "",
					     ",S=1", "1.a.b,R=0", "1.a.b,R=99999999" };
	struct parked_name read;

	(void)state;
	for (size_t i = 0; i < LENGTH(names); i++)
		assert_false(parked_name_parse(names[i], &read));
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 2] = {
		[LENGTH(rows)] = cmocka_unit_test(serialmails_own_file_has_one_recipient),
		[LENGTH(rows) + 1] = cmocka_unit_test(what_is_no_message_is_left_alone),
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] =
			(struct CMUnitTest){ .name = rows[i].title,
					     .test_func = a_name_is_written_and_read_back,
					     .initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("parked names", tests, NULL, NULL);
}
